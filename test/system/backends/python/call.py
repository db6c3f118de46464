# Calls the functions of chat_calls.py: a line of standard input has a name and arguments, the line printed for it the answer or the error.
import inspect
import json
import re
import sys

import chat_calls
import chat_page
from chat_may_send import chat_may_send
from chat_rest import ChatError


def may_send(headers, body):
    status, answer = chat_may_send(headers, body.encode())
    return {"status": status, "body": answer}


for line in sys.stdin:
    name, arguments = json.loads(line)
    functions = {**vars(chat_calls), **vars(chat_page), "may_send": may_send}
    function = functions[re.sub("[A-Z]", lambda match: "_" + match.group().lower(), name)]
    query = {}
    if len(arguments) == len(inspect.signature(function).parameters) and inspect.getfullargspec(function).varkw:
        query = arguments.pop()
    try:
        result = {"answer": function(*arguments, **query)}
    except ChatError as error:
        result = {"error": {"status": error.status, "code": error.code, "message": str(error)}}
    except Exception as error:
        result = {"error": {"message": str(error)}}
    print(json.dumps(result), flush=True)
