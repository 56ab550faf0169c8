"""The field in which the package's own tables keep keys."""

from __future__ import annotations

from typing import Any

from django.db import models


class KeyField(models.CharField):  # type: ignore[type-arg]
    """A key as text. MariaDB's and MySQL's default collation would call different keys equal."""

    def db_parameters(self, connection: Any) -> Any:
        parameters = super().db_parameters(connection)
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_nopad_bin" if connection.mysql_is_mariadb else "utf8mb4_0900_bin"
        return parameters
