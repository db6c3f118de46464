# The rest of a Django application, around the view and the template of docs/backends/python.md.
import os
from pathlib import Path
from types import SimpleNamespace
from wsgiref.simple_server import make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.shortcuts import redirect, render
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of the tests alone",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", f"{__name__}.user_of_session"],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [Path(__file__).parent / "templates"],
        }
    ],
)
django.setup()

import chat_views
from chat_token import chat_token


def user_of_session(get_response):
    """Stands where Django's AuthenticationMiddleware does, whose users would need a database."""

    def middleware(request):
        user = request.session.get("user")
        request.user = SimpleNamespace(
            is_authenticated=user is not None,
            pk=user and user["id"],
            get_full_name=lambda: user["name"],
        )
        return get_response(request)

    return middleware


def login(request):
    request.session["user"] = {"id": request.GET["id"], "name": request.GET["name"]}
    return redirect("/")


def page(request):
    values = {
        "gateway": os.environ["GATEWAY"],
        "app_id": os.environ["CHAT_APP_ID"],
        "user_id": request.user.pk,
        "token": chat_token(request.user.pk, {"name": request.user.get_full_name()}),
    }
    return render(request, "page.html", values)


urlpatterns = [path("", page), path("login", login), path("chat-token", chat_views.chat_token_view)]

if __name__ == "__main__":
    make_server("127.0.0.1", int(os.environ["PORT"]), get_wsgi_application()).serve_forever()
