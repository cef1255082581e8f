"""The local AWS: MiniStack, with IAM enforced, running the functions' binaries as processes of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from local_stack.paths import Place, venv_bin
from local_stack.processes import HOST, Service, answers, environment

REGION = "us-east-1"
# MiniStack's root account. The functions run with their own roles.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}


def endpoint(port: int) -> str:
    return f"http://{HOST}:{port}"


def service(place: Place) -> Service:
    return Service("local AWS", place.dir / "emulator.pid", place.logs / "emulator.log")


def start(place: Place, port: int, functions_see: str = "") -> None:
    """What the functions inherit beside their own variables: where AWS is (or what stands before it), and how Lambda would have them log."""
    at = place.emulator / "port"
    if at.exists() and at.read_text() != str(port):
        # Queue addresses with the old port are all over the deployed stack.
        shutil.rmtree(place.emulator)
    for folder in (place.emulator, place.emulator / "tmp", place.emulator / "state", place.emulator / "s3"):
        folder.mkdir(parents=True, exist_ok=True)
    at.write_text(str(port))
    env = environment(
        HOME=str(place.emulator),
        TMPDIR=str(place.emulator / "tmp"),
        GATEWAY_PORT=str(port),
        BIND_HOST=HOST,
        MINISTACK_HOST=HOST,
        AUTH="true",
        PERSIST_STATE="1",
        STATE_DIR=str(place.emulator / "state"),
        S3_PERSIST="1",
        S3_DATA_DIR=str(place.emulator / "s3"),
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        AWS_ENDPOINT_URL=functions_see or endpoint(port),
        AWS_DEFAULT_REGION=REGION,
        AWS_LAMBDA_LOG_FORMAT="JSON",
        AWS_LAMBDA_LOG_LEVEL="INFO",
        RUST_BACKTRACE="1",
    )
    service(place).start([venv_bin("ministack")], ready=lambda: answers(f"{endpoint(port)}/_ministack/health"), within=180, cwd=place.emulator, env=env)


def client(port: int, name: str) -> Any:
    """A boto3 client of the local AWS."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        name,
        endpoint_url=endpoint(port),
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"max_attempts": 3, "mode": "standard"}, connect_timeout=5, read_timeout=60, s3={"addressing_style": "path"}),
    )


def shell_variables(port: int) -> Mapping[str, str]:
    """What a person's shell needs to talk to the local AWS."""
    return {"AWS_ENDPOINT_URL": endpoint(port), **CREDENTIALS}
