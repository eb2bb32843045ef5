"""The AWS CLI as a compat client; the commands are in ../README.md.

Its own entry point is called in this process: what `aws` runs, without paying Python's start for every command.
Version 1 of the CLI sets an endpoint of its own for SQS, so that the environment's does not count: it is an option here.
"""

import base64
import contextlib
import io
import json
import os
import re
import sys

import awscli
from awscli.botocore import xform_name
from awscli.clidriver import create_clidriver

REFUSED = re.compile(r"An error occurred \((?P<code>[^)]+)\) when calling [^:]*: (?P<message>.*)", re.DOTALL)


def say(**message):
    print(json.dumps(message), flush=True)


def from_base64(value):
    """Binary values arrive as base64; version 1 of the CLI takes them as they are, in JSON only if they are UTF-8."""
    if isinstance(value, list):
        return [from_base64(item) for item in value]
    if isinstance(value, dict):
        return {
            name: base64.b64decode(item).decode() if name == "BinaryValue" else from_base64(item)
            for name, item in value.items()
        }
    return value


def call(driver, action, input):
    input = from_base64(input)
    arguments = ["sqs", xform_name(action, "-"), "--endpoint-url", os.environ["AWS_ENDPOINT_URL"]]
    arguments += ["--output", "json", "--cli-input-json", json.dumps(input)]
    if action in ("ListQueues", "ListDeadLetterSourceQueues"):
        # The CLI turns pages by itself; here the page asked for is wanted.
        arguments.append("--no-paginate")
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = driver.main(arguments)
    if status == 0:
        # An answer without members prints nothing.
        return {"output": json.loads(output.getvalue() or "{}")}
    refused = REFUSED.search(errors.getvalue())
    if refused is None:
        raise RuntimeError(f"aws ended with {status}: {errors.getvalue().strip()}")
    return {"refused": refused["code"], "message": refused["message"].strip()}


def main():
    say(event="ready", version=f"aws-cli {awscli.__version__}")
    driver = create_clidriver()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command.pop("do") != "call":
                raise ValueError("no such command")
            say(done=call(driver, **command))
        except Exception as error:
            say(error=f"{type(error).__name__}: {error}")


main()
