import json
import sys

from verify_webhook import verify_webhook

for request in json.load(sys.stdin):
    print("true" if verify_webhook(request["headers"], request["body"].encode()) else "false")
