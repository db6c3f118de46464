# The rest of a Flask application, around the blueprint and the template of docs/backends/python.md.
import os

from flask import Flask, redirect, render_template, request, session

from chat_token import chat_token
from flask_chat import chat

app = Flask(__name__)
app.secret_key = "of the tests alone"
app.register_blueprint(chat)


@app.get("/login")
def login():
    session["user_id"], session["name"] = request.args["id"], request.args["name"]
    return redirect("/")


@app.get("/")
def page():
    return render_template(
        "page.html",
        gateway=os.environ["GATEWAY"],
        app_id=os.environ["CHAT_APP_ID"],
        user_id=session["user_id"],
        token=chat_token(session["user_id"], {"name": session["name"]}),
    )


app.run("127.0.0.1", int(os.environ["PORT"]))
