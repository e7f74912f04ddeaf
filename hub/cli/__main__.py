"""``python -m hub.cli`` is ``lienthong``; the supervisor starts its children this way."""

from hub.cli import app

if __name__ == "__main__":
    app()
