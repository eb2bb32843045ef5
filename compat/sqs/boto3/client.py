"""boto3 as a compat client; the commands are in ../README.md."""

import base64
import json
import sys

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError


def say(**message):
    print(json.dumps(message, default=lambda data: base64.b64encode(data).decode()), flush=True)


def from_base64(value):
    """Binary values arrive as base64, and boto3 wants bytes."""
    if isinstance(value, list):
        return [from_base64(item) for item in value]
    if isinstance(value, dict):
        return {
            name: base64.b64decode(item) if name == "BinaryValue" else from_base64(item)
            for name, item in value.items()
        }
    return value


def call(client, action, input):
    try:
        output = getattr(client, xform_name(action))(**from_base64(input))
    except ClientError as refused:
        error = refused.response["Error"]
        return {"refused": f"{type(refused).__name__} {error['Code']}", "message": error["Message"]}
    output.pop("ResponseMetadata")
    return {"output": output}


def main():
    # Endpoint, region and credentials come from the environment, as they would in production.
    client = boto3.client("sqs")
    say(event="ready", version=f"boto3 {boto3.__version__}")
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command.pop("do") != "call":
                raise ValueError("no such command")
            say(done=call(client, **command))
        except Exception as error:
            say(error=f"{type(error).__name__}: {error}")


main()
