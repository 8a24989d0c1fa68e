#!/usr/bin/env python
"""Django's command line; without DATABASE_URL and REDIS_URL it brings its own PostgreSQL and Redis."""

import os
import sys

OFFLINE = {
    "makemessages", "compilemessages", "build_messages", "check_translations", "startapp", "help", "version",
    "--help", "--version",
}
# what changes the schema runs as the owner of the tables; everything else as the runtime role
AS_OWNER = {"migrate", "sqlflush", "flush", "dbshell", "test"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command == "runserver":
        os.environ.setdefault("DEBUG", "1")  # the development server; `serve` runs what production runs
    if command not in OFFLINE:
        from portal import embedded

        try:
            embedded.ensure()
        except embedded.ServiceError as error:
            sys.exit(str(error))
        if command in AS_OWNER and os.environ.get("DATABASE_OWNER_URL"):
            os.environ["DATABASE_URL"] = os.environ["DATABASE_OWNER_URL"]
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
