from typing import Any

from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from notifications_counter.inbox import operations
from notifications_counter.inbox.numbers import numbers_of


class Filters(serializers.Serializer[Any]):
    cursor = serializers.CharField(required=False)
    unread = serializers.BooleanField(required=False, allow_null=True, default=None)
    kind = serializers.CharField(required=False, allow_blank=True)


class Marked(serializers.Serializer[Any]):
    ids = serializers.ListField(child=serializers.IntegerField(), max_length=operations.MOST_IDS)
    read = serializers.BooleanField()


def checked(kind: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    serializer = kind(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


@api_view(["GET"])
@permission_classes([IsAuthenticated])
def notifications(request: Request) -> Response:
    filters = checked(Filters, request.query_params)
    try:
        return Response(operations.list_notifications(request.user, **filters).payload())
    except operations.InvalidInput as error:
        raise serializers.ValidationError(str(error)) from error


@api_view(["POST"])
@permission_classes([IsAuthenticated])
def mark(request: Request) -> Response:
    operations.mark(request.user, **checked(Marked, request.data))
    return Response(numbers_of(request.user).whole_payload())
