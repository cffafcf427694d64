"""Starts moto's server on a free port of the loopback interface, which it writes to its standard output. It ends with its standard input."""
import json
import os
import sys
import threading

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.ses import ses_backends
from werkzeug.serving import make_server

moto = DomainDispatcherApplication(create_backend_app)


def engine(environ, start_response):
    """Is moto, and tells the mails that it was given. moto tells them with all else that it holds: that takes long, and fails while others write."""
    if environ["PATH_INFO"] != "/moto-api/mails":
        return moto(environ, start_response)
    regions = list(ses_backends[DEFAULT_ACCOUNT_ID].values())
    mails = json.dumps([vars(mail) for region in regions for mail in list(region.sent_messages)]).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(mails)))])
    return [mails]


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
server = make_server("127.0.0.1", 0, engine, threaded=True)
print(server.port, flush=True)
server.serve_forever()
