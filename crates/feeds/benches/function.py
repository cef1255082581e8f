"""Runs the function's binary the way Lambda does: a runtime API that hands it events, and a local AWS (MiniStack) behind it."""

import collections
import http.client
import http.server
import json
import os
import pathlib
import queue
import resource
import socket
import subprocess
import sys
import threading
import time

HOST = "127.0.0.1"
REGION = "us-east-1"
# What the function gets along with. The template gives it more, because the share of a CPU comes with the memory.
MEMORY_MEGABYTES = 256
# Most of it that a feed of any size may take.
PEAK_MEGABYTES = 64
# HTTP headers that concern one connection only.
HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "date", "server", "content-length"}


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class RuntimeApi:
    """Lambda's runtime API for one function process."""

    def __init__(self):
        self.events, self.answers = queue.Queue(), queue.Queue()
        self.first_request = threading.Event()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                api.first_request.set()
                event, seconds = api.events.get()
                body = json.dumps(event).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", f"request-{time.time_ns()}")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + seconds) * 1000)))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:{REGION}:000000000000:function:normalize")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                api.answers.put((self.path.rsplit("/", 1)[-1], body))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"{HOST}:{self.server.server_port}"

    def environment(self, **more):
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/tmp"),
            "AWS_LAMBDA_RUNTIME_API": self.address,
            "AWS_LAMBDA_FUNCTION_NAME": "normalize",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MEGABYTES),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **more,
        }

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def settings(queue_url, dead_letter_url):
    """What the template sets for the function."""
    return {
        "LEDGER_TABLE": "ledger",
        "EVENT_BUS": "bus",
        "FEED_BUCKET": "feeds",
        "INGEST_QUEUE_URL": queue_url,
        "INGEST_DLQ_URL": dead_letter_url,
        "RELAY_ENVIRONMENT": "bench",
        "MAX_WITHDRAWN_PERCENT": "30",
    }


def start_up(command, times, **env):
    """Milliseconds from the start of the process to its first request for work, of each of `times` starts."""
    measured = []
    for _ in range(times):
        api = RuntimeApi()
        started = time.perf_counter()
        process = subprocess.Popen(command, env=api.environment(**env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        came = api.first_request.wait(60)
        measured.append((time.perf_counter() - started) * 1000)
        process.kill()
        process.wait()
        api.stop()
        if not came:
            raise SystemExit(f"{command} never asked for work")
    return measured


class Counter:
    """A proxy before the local AWS that counts calls by operation."""

    def __init__(self, port):
        self.calls = collections.Counter()
        counter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                target = self.headers.get("X-Amz-Target")
                counter.calls[target.split(".")[-1] if target else f"S3 {self.command}"] += 1
                upstream = http.client.HTTPConnection(HOST, port, timeout=120)
                upstream.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP})
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
                self.send_header("Content-Length", str(length or 0))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = forward

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.endpoint = f"http://{HOST}:{self.server.server_port}"

    def take(self):
        calls, self.calls = dict(self.calls), collections.Counter()
        return calls


class LocalAws:
    """MiniStack with the bucket, table, bus and queues that the function needs."""

    def __init__(self, ministack, folder):
        import boto3
        from botocore.config import Config

        self.port = free_port()
        self.endpoint = f"http://{HOST}:{self.port}"
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        env = {
            **os.environ,
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "AWS_ENDPOINT_URL": self.endpoint,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "TMPDIR": str(folder.resolve()),
        }
        self.log = open(folder / "ministack.log", "w")
        self.process = subprocess.Popen([ministack], env=env, stdout=self.log, stderr=self.log, cwd=folder)
        self._wait()

        def client(name):
            config = Config(s3={"addressing_style": "path"}, read_timeout=600, retries={"max_attempts": 1})
            keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
            return boto3.client(name, endpoint_url=self.endpoint, config=config, **keys)

        self.s3 = client("s3")
        self.s3.create_bucket(Bucket="feeds")
        self.s3.put_bucket_versioning(Bucket="feeds", VersioningConfiguration={"Status": "Enabled"})
        text = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "pending_shard")]
        self.dynamodb = client("dynamodb")
        self.dynamodb.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[*text, {"AttributeName": "pending_since", "AttributeType": "N"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "pending",
                    "KeySchema": [
                        {"AttributeName": "pending_shard", "KeyType": "HASH"},
                        {"AttributeName": "pending_since", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        )
        client("events").create_event_bus(Name="bus")
        self.sqs = client("sqs")
        self.queue = self.sqs.create_queue(QueueName="ingest")["QueueUrl"]
        self.dead = self.sqs.create_queue(QueueName="ingest-dlq")["QueueUrl"]

    def _wait(self):
        for _ in range(600):
            try:
                connection = http.client.HTTPConnection(HOST, self.port, timeout=2)
                connection.request("GET", "/_ministack/health")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                raise SystemExit(f"MiniStack ended: {self.log.name}")
            time.sleep(0.1)
        raise SystemExit(f"MiniStack does not answer: {self.log.name}")

    def upload(self, key, body):
        """Uploads a feed; the queue message that announces it."""
        answer = self.s3.put_object(Bucket="feeds", Key=key, Body=body)
        detail = {
            "bucket": {"name": "feeds"},
            "object": {
                "key": key,
                "etag": answer["ETag"].strip('"'),
                "version-id": answer.get("VersionId", ""),
                "sequencer": f"{time.time_ns():018X}",
            },
        }
        event = {"detail-type": "Object Created", "source": "aws.s3", "time": "2026-01-01T00:00:00Z", "detail": detail}
        return json.dumps(event)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def limited():
    """Runs in a new process before its program: everything that it can write to in memory (heap, stacks, mappings) stays below what the function is
    given, or the allocation fails and the process ends. The kernel's limit, because cgroups are not to be had everywhere."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MEGABYTES << 20, MEMORY_MEGABYTES << 20))


def check_the_limit():
    """The limit limits: half of it can be had, twice of it cannot."""
    fill = "import sys; bytearray(int(sys.argv[1]) << 20)"
    for megabytes, fits in ((MEMORY_MEGABYTES // 2, True), (MEMORY_MEGABYTES * 2, False)):
        done = subprocess.run([sys.executable, "-c", fill, str(megabytes)], preexec_fn=limited, stderr=subprocess.DEVNULL)
        if (done.returncode == 0) != fits:
            raise SystemExit(f"the limit of {MEMORY_MEGABYTES} MB does not hold for {megabytes} MB")


class Function:
    """One process of the function, with the memory that it gets along with."""

    def __init__(self, binary, aws, endpoint, log):
        self.api = RuntimeApi()
        self.log = open(log, "w")
        env = self.api.environment(AWS_ENDPOINT_URL=endpoint, **settings(aws.queue, aws.dead))
        self.process = subprocess.Popen([binary], env=env, stdout=self.log, stderr=self.log, preexec_fn=limited)

    def invoke(self, message, seconds=900):
        """One invocation with one message; the wall time in seconds."""
        record = {
            "messageId": "m1",
            "receiptHandle": "r1",
            "body": message,
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:000000000000:ingest",
            "awsRegion": REGION,
        }
        started = time.perf_counter()
        self.api.events.put(({"Records": [record]}, seconds))
        kind, body = self.api.answers.get(timeout=1800)
        wall = time.perf_counter() - started
        if kind != "response" or json.loads(body or b"{}").get("batchItemFailures"):
            raise SystemExit(f"the function failed: {kind} {body[:500]!r}, see {self.log.name}")
        return wall

    def peak_kilobytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.api.stop()
        self.log.close()
