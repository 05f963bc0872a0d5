"""An S3 server that we did not write (moto), with a bucket `films`. Tells its address; for every line that it reads it tells what lies
in the bucket, until its input ends."""

import hashlib
import json
import os
import sys

os.environ |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}

import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
store = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
store.create_bucket(Bucket="films")
print(json.dumps(f"http://{host}:{port}"), flush=True)
for _ in sys.stdin:
    found = {}
    for item in store.list_objects_v2(Bucket="films").get("Contents", []):
        answer = store.get_object(Bucket="films", Key=item["Key"])
        digest = hashlib.sha256(answer["Body"].read()).hexdigest()
        found[item["Key"]] = [digest, answer["Metadata"].get("tetra-sha256"), answer["ContentType"]]
    print(json.dumps(found), flush=True)
server.stop()
