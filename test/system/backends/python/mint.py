import sys

from chat_signature import chat_signature
from chat_token import chat_token

for id, name in zip(sys.argv[1::2], sys.argv[2::2]):
    id = int(id) if id.isdecimal() and id[0] != "0" else id
    print(chat_token(id, {"name": None if name == "null" else name}) if name else chat_token(id), chat_signature(id))
