"""Objects as boto3 puts, reads, lists and deletes them, over HTTP."""

import base64
import hashlib
import io
import secrets
import threading
import zlib
from pathlib import Path

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from kit.wire import authorised, client, serving

from plugin_core.stores import open_blobs, open_store
from plugin_core.wire.caller import Caller, Role
from plugin_core.wire.s3.app import object_api

IN_PARTS = TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=5 << 20, max_concurrency=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("objects")


@pytest.fixture(scope="module")
def store(folder):
    found = open_store(f"sqlite:///{folder / 'record.db'}")
    yield found
    found.close()


@pytest.fixture(scope="module")
def blobs(folder):
    return open_blobs((folder / "blobs").as_uri())


@pytest.fixture(scope="module")
def api(store, blobs, folder):
    return object_api(store.objects, blobs, staging=folder / "staging", domains=["s3.test"])


@pytest.fixture(scope="module")
def endpoint(api):
    with serving(authorised(api)) as url:
        yield url


@pytest.fixture(scope="module")
def s3(endpoint):
    return client("s3", endpoint)


@pytest.fixture
def bucket(s3):
    name = f"bucket-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=name)
    return name


def refused(call, **members):
    with pytest.raises(ClientError) as raised:
        call(**members)
    return raised.value.response["Error"]["Code"], raised.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_bucket_is_made_found_and_listed(s3, bucket):
    assert refused(s3.create_bucket, Bucket=bucket) == ("BucketAlreadyOwnedByYou", 409)
    assert refused(s3.head_bucket, Bucket="absent") == ("404", 404)
    s3.head_bucket(Bucket=bucket)
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert bucket in [found["Name"] for found in s3.list_buckets()["Buckets"]]
    s3.create_bucket(Bucket=f"{bucket}-eu", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


def test_a_bucket_is_deleted_when_it_is_empty(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert refused(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    s3.delete_bucket(Bucket=bucket)

    assert refused(s3.delete_bucket, Bucket=bucket) == ("NoSuchBucket", 404)
    assert refused(s3.head_bucket, Bucket=bucket) == ("404", 404)


def test_an_object_comes_back_with_all_that_was_said_of_it(s3, bucket):
    data = b"chart" * 100
    put = s3.put_object(
        Bucket=bucket,
        Key="run/roc.json",
        Body=data,
        ContentType="application/json",
        CacheControl="no-store",
        ContentEncoding="gzip",
        Metadata={"Owner": "ml"},
    )
    etag = f'"{hashlib.md5(data).hexdigest()}"'
    assert put["ETag"] == etag
    for found in (s3.head_object(Bucket=bucket, Key="run/roc.json"), s3.get_object(Bucket=bucket, Key="run/roc.json")):
        assert (found["ETag"], found["ContentLength"], found["ContentType"]) == (etag, 500, "application/json")
        assert (found["CacheControl"], found["ContentEncoding"]) == ("no-store", "gzip")
        assert found["Metadata"] == {"owner": "ml"}
    assert found["Body"].read() == data
    assert found["ChecksumCRC32"] == base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def test_what_a_client_uploads_and_what_is_logged_are_the_same_bytes_once(s3, bucket, blobs, folder):
    data = secrets.token_bytes(1000)
    s3.put_object(Bucket=bucket, Key="one", Body=data)
    digest = blobs.put_bytes(data)
    s3.put_object(Bucket=bucket, Key="two", Body=data)

    with blobs.open(digest) as opened:
        assert opened.read() == data
    assert len(list((folder / "blobs").rglob(digest.removeprefix("sha256:")))) == 1


def test_an_empty_object_is_one(s3, bucket):
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")

    assert s3.get_object(Bucket=bucket, Key="empty")["Body"].read() == b""
    assert refused(s3.get_object, Bucket=bucket, Key="empty", Range="bytes=0-") == ("InvalidRange", 416)


@pytest.mark.parametrize(
    ("asked", "found", "told"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-30", b"0123456789", "bytes 0-9/10"),
        ("bytes=5-500", b"56789", "bytes 5-9/10"),
        ("bytes=5-2", b"0123456789", None),
        ("lines=1-2", b"0123456789", None),
    ],
)
def test_a_range_is_read(s3, bucket, asked, found, told):
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    answer = s3.get_object(Bucket=bucket, Key="digits", Range=asked)

    assert answer["Body"].read() == found
    assert answer.get("ContentRange") == told


def test_what_is_absent_has_aws_s_codes(s3, bucket):
    assert refused(s3.get_object, Bucket=bucket, Key="absent") == ("NoSuchKey", 404)
    assert refused(s3.head_object, Bucket=bucket, Key="absent") == ("404", 404)
    assert refused(s3.put_object, Bucket="absent", Key="k", Body=b"x") == ("NoSuchBucket", 404)
    assert refused(s3.list_objects_v2, Bucket="absent") == ("NoSuchBucket", 404)
    upload = {"Bucket": bucket, "Key": "k", "UploadId": "../../etc"}
    assert refused(s3.list_parts, **upload) == ("NoSuchUpload", 404)
    assert refused(s3.upload_part, **upload, PartNumber=1, Body=b"x") == ("NoSuchUpload", 404)
    assert refused(s3.abort_multipart_upload, **upload) == ("NoSuchUpload", 404)


def test_conditions_of_putting_hold(s3, bucket):
    target = {"Bucket": bucket, "Key": "k"}
    etag = s3.put_object(**target, Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused(s3.put_object, **target, Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert refused(s3.put_object, **target, Body=b"2", IfMatch='"other"') == ("PreconditionFailed", 412)
    assert refused(s3.put_object, Bucket=bucket, Key="absent", Body=b"2", IfMatch=etag) == ("NoSuchKey", 404)
    s3.put_object(**target, Body=b"2", IfMatch=etag)

    assert s3.get_object(**target)["Body"].read() == b"2"


def test_of_many_who_put_at_once_one_does(s3, bucket):
    done, codes = [], set()

    def put(i):
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=b"%d" % i, IfNoneMatch="*")
            done.append(i)
        except ClientError as error:
            codes.add(error.response["Error"]["Code"])

    threads = [threading.Thread(target=put, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(done) == 1
    assert codes == {"PreconditionFailed"}
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"%d" % done[0]


def test_conditions_of_reading_hold(s3, bucket):
    target = {"Bucket": bucket, "Key": "k"}
    etag = s3.put_object(**target, Body=b"1")["ETag"]
    at = s3.head_object(**target)["LastModified"]

    assert refused(s3.get_object, **target, IfNoneMatch=etag) == ("304", 304)
    assert refused(s3.get_object, **target, IfModifiedSince=at) == ("304", 304)
    assert refused(s3.get_object, **target, IfMatch='"other"') == ("PreconditionFailed", 412)
    assert s3.get_object(**target, IfMatch=etag)["ETag"] == etag


def test_wrong_checksums_are_refused_and_nothing_is_put(s3, bucket):
    target = {"Bucket": bucket, "Key": "k", "Body": b"data"}
    wrong = base64.b64encode(bytes(16)).decode()
    assert refused(s3.put_object, **target, ContentMD5=wrong) == ("BadDigest", 400)
    assert refused(s3.put_object, **target, ContentMD5="?") == ("InvalidDigest", 400)
    sizes = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
    for algorithm, size in sizes.items():
        claimed = {f"Checksum{algorithm}": base64.b64encode(bytes(size)).decode()}
        assert refused(s3.put_object, **target, **claimed) == ("BadDigest", 400)
    assert refused(s3.head_object, Bucket=bucket, Key="k") == ("404", 404)

    sha256 = base64.b64encode(hashlib.sha256(b"data").digest()).decode()
    assert s3.put_object(**target, ChecksumSHA256=sha256)["ChecksumSHA256"] == sha256
    assert s3.put_object(**{**target, "Body": b"123456789"}, ChecksumCRC64NVME="rosUhgp5mIg=")["ChecksumCRC64NVME"]


@pytest.fixture
def tree(s3, bucket):
    for key in ("a/1", "a/2", "b", "c d/ü+%.json", "c d/x", "e"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_bucket_is_listed_page_by_page(s3, tree, operation, size):
    pages = list(s3.get_paginator(operation).paginate(Bucket=tree, PaginationConfig={"PageSize": size}))
    keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
    assert keys == ["a/1", "a/2", "b", "c d/x", "c d/ü+%.json", "e"]

    listing = s3.get_paginator(operation)
    pages = list(listing.paginate(Bucket=tree, Delimiter="/", PaginationConfig={"PageSize": size}))
    entries = [
        *(found["Key"] for page in pages for found in page.get("Contents", ())),
        *(found["Prefix"] for page in pages for found in page.get("CommonPrefixes", ())),
    ]
    assert sorted(entries) == ["a/", "b", "c d/", "e"]


def test_a_listing_begins_where_it_is_asked_to(s3, tree):
    found = s3.list_objects_v2(Bucket=tree, Prefix="c d/", StartAfter="c d/x")
    assert [one["Key"] for one in found["Contents"]] == ["c d/ü+%.json"]
    assert (found["KeyCount"], found["IsTruncated"], found["StartAfter"]) == (1, False, "c d/x")
    assert s3.list_objects_v2(Bucket=tree, MaxKeys=0)["KeyCount"] == 0
    assert refused(s3.list_objects_v2, Bucket=tree, ContinuationToken="n%o") == ("InvalidArgument", 400)


def test_objects_are_deleted(s3, tree):
    s3.delete_object(Bucket=tree, Key="e")
    s3.delete_object(Bucket=tree, Key="absent")
    gone = s3.delete_objects(Bucket=tree, Delete={"Objects": [{"Key": "a/1"}, {"Key": "c d/ü+%.json"}, {"Key": "zz"}]})
    assert [one["Key"] for one in gone["Deleted"]] == ["a/1", "c d/ü+%.json", "zz"]
    assert "Deleted" not in s3.delete_objects(Bucket=tree, Delete={"Objects": [{"Key": "b"}], "Quiet": True})

    assert [found["Key"] for found in s3.list_objects_v2(Bucket=tree)["Contents"]] == ["a/2", "c d/x"]


def test_an_object_is_copied(s3, bucket):
    s3.put_object(Bucket=bucket, Key="fröm +%", Body=b"x", ContentType="a/b", Metadata={"m": "1"})
    s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "fröm +%"})
    s3.copy_object(
        Bucket=bucket, Key="other", CopySource=f"{bucket}/to", MetadataDirective="REPLACE", Metadata={"m": "2"}
    )

    copied, other = (s3.get_object(Bucket=bucket, Key=key) for key in ("to", "other"))
    assert (copied["Body"].read(), copied["ContentType"], copied["Metadata"]) == (b"x", "a/b", {"m": "1"})
    assert (other["Body"].read(), other["Metadata"]) == (b"x", {"m": "2"})
    assert refused(s3.copy_object, Bucket=bucket, Key="to", CopySource=f"{bucket}/absent") == ("NoSuchKey", 404)


def staged(folder):
    return [path for path in (folder / "staging").rglob("*") if path.is_file()]


def test_a_large_file_is_uploaded_and_downloaded_in_parts(s3, bucket, folder, tmp_path, blobs):
    data = secrets.token_bytes(1 << 20) * 13
    (tmp_path / "model.bin").write_bytes(data)
    s3.upload_file(str(tmp_path / "model.bin"), bucket, "model.bin", Config=IN_PARTS)
    s3.download_file(bucket, "model.bin", str(tmp_path / "copy.bin"), Config=IN_PARTS)
    s3.copy({"Bucket": bucket, "Key": "model.bin"}, bucket, "again.bin", Config=IN_PARTS)

    assert (tmp_path / "copy.bin").read_bytes() == data
    found = s3.head_object(Bucket=bucket, Key="model.bin")
    md5s = b"".join(hashlib.md5(data[i : i + (5 << 20)]).digest() for i in range(0, len(data), 5 << 20))
    assert found["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
    assert s3.get_object(Bucket=bucket, Key="again.bin")["Body"].read() == data
    assert blobs.size(f"sha256:{hashlib.sha256(data).hexdigest()}") == len(data)
    assert staged(folder) == []


def test_parts_are_listed_and_checked_when_the_upload_is_completed(s3, bucket, folder):
    target = {"Bucket": bucket, "Key": "parts"}
    upload = {**target, "UploadId": s3.create_multipart_upload(**target, ContentType="a/b")["UploadId"]}
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**upload, PartNumber=n, Body=b"%d" % n)["ETag"]} for n in (2, 1, 3)
    ]
    s3.upload_part(**upload, PartNumber=3, Body=b"three")
    parts.sort(key=lambda part: part["PartNumber"])
    pages = s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 2})
    assert [(p["PartNumber"], p["Size"]) for page in pages for p in page["Parts"]] == [(1, 1), (2, 1), (3, 5)]

    complete = s3.complete_multipart_upload
    assert refused(complete, **upload, MultipartUpload={"Parts": parts}) == ("InvalidPart", 400)
    assert refused(complete, **upload, MultipartUpload={"Parts": parts[::-1]}) == ("InvalidPartOrder", 400)
    done = complete(**upload, MultipartUpload={"Parts": parts[:2]})
    assert complete(**upload, MultipartUpload={"Parts": parts[:2]})["ETag"] == done["ETag"]

    found = s3.get_object(**target)
    assert (found["Body"].read(), found["ContentType"], found["ETag"]) == (b"12", "a/b", done["ETag"])
    assert staged(folder) == []


def test_an_upload_of_another_key_is_not_found(s3, bucket):
    target = {"Bucket": bucket, "Key": "mine"}
    upload = s3.create_multipart_upload(**target)["UploadId"]

    assert refused(s3.abort_multipart_upload, Bucket=bucket, Key="other", UploadId=upload) == ("NoSuchUpload", 404)
    s3.abort_multipart_upload(**target, UploadId=upload)


def test_an_aborted_upload_leaves_nothing(s3, bucket, folder):
    target = {"Bucket": bucket, "Key": "k"}
    upload = {**target, "UploadId": s3.create_multipart_upload(**target)["UploadId"]}
    s3.upload_part(**upload, PartNumber=1, Body=b"x")
    wrong = base64.b64encode(bytes(16)).decode()
    assert refused(s3.upload_part, **upload, PartNumber=2, Body=b"x", ContentMD5=wrong) == ("BadDigest", 400)
    assert len(staged(folder)) == 1
    s3.abort_multipart_upload(**upload)

    assert staged(folder) == []
    assert refused(s3.list_parts, **upload) == ("NoSuchUpload", 404)


def test_a_part_that_was_lost_does_not_become_an_object(s3, bucket, folder):
    target = {"Bucket": bucket, "Key": "k"}
    upload = {**target, "UploadId": s3.create_multipart_upload(**target)["UploadId"]}
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"content")["ETag"]
    (file,) = staged(folder)
    file.write_bytes(b"conTent")

    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    assert refused(s3.complete_multipart_upload, **upload, MultipartUpload=parts) == ("InvalidPart", 400)
    assert refused(s3.head_object, **target) == ("404", 404)
    s3.abort_multipart_upload(**upload)


def test_checksums_of_parts_make_the_checksum_of_the_object(s3, bucket):
    target = {"Bucket": bucket, "Key": "k"}
    upload = {**target, "UploadId": s3.create_multipart_upload(**target, ChecksumAlgorithm="SHA256")["UploadId"]}
    hashes = [hashlib.sha256(body).digest() for body in (b"one", b"two")]
    parts = [
        {"PartNumber": n, "ETag": put["ETag"], "ChecksumSHA256": put["ChecksumSHA256"]}
        for n, body in ((1, b"one"), (2, b"two"))
        for put in [s3.upload_part(**upload, PartNumber=n, Body=body, ChecksumAlgorithm="SHA256")]
    ]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})

    assert [part["ChecksumSHA256"] for part in parts] == [base64.b64encode(found).decode() for found in hashes]
    whole = base64.b64encode(hashlib.sha256(b"".join(hashes)).digest()).decode()
    assert done["ChecksumSHA256"] == f"{whole}-2"
    assert s3.get_object(**target, ChecksumMode="ENABLED")["Body"].read() == b"onetwo"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_the_checksum_of_a_whole_object_that_came_in_parts_is_compared(s3, bucket, algorithm):
    target, name = {"Bucket": bucket, "Key": "k"}, f"Checksum{algorithm}"
    whole = s3.put_object(**target, Body=b"onetwo", ChecksumAlgorithm=algorithm)[name]
    begun = s3.create_multipart_upload(**target, ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    upload = {**target, "UploadId": begun["UploadId"]}
    parts = [
        {"PartNumber": n, "ETag": put["ETag"], name: put[name]}
        for n, body in ((1, b"one"), (2, b"two"))
        for put in [s3.upload_part(**upload, PartNumber=n, Body=body, ChecksumAlgorithm=algorithm)]
    ]
    ending = {**upload, "MultipartUpload": {"Parts": parts}, "ChecksumType": "FULL_OBJECT"}
    assert refused(s3.complete_multipart_upload, **ending, **{name: parts[0][name]}) == ("BadDigest", 400)
    done = s3.complete_multipart_upload(**ending, **{name: whole})

    assert (done[name], done["ChecksumType"]) == (whole, "FULL_OBJECT")
    assert s3.head_object(**target, ChecksumMode="ENABLED")[name] == whole


def test_what_is_not_served_is_refused_once_and_for_all(endpoint, bucket, monkeypatch):
    patient = client("s3", endpoint)
    patient.meta.config.retries["total_max_attempts"] = 5
    sent = []
    patient.meta.events.register("before-send.s3", lambda request, **_: sent.append(request.method))
    patient.put_object(Bucket=bucket, Key="k", Body=b"")
    sent.clear()
    for call, members in (
        (patient.get_bucket_versioning, {}),
        (patient.get_object_tagging, {"Key": "k"}),
        (patient.get_object, {"Key": "k", "VersionId": "v"}),
        (patient.put_object, {"Key": "k", "Body": b"", "ServerSideEncryption": "aws:kms"}),
    ):
        assert refused(call, Bucket=bucket, **members) == ("NotImplemented", 501)
    assert len(sent) == 4


def test_a_bucket_may_stand_in_the_host_s_name(s3, endpoint, bucket):
    import http.client

    s3.put_object(Bucket=bucket, Key="a/b", Body=b"by host")
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"))
    connection.request("GET", "/a/b", headers={"Host": f"{bucket}.s3.test:443"})
    answer = connection.getresponse()

    assert (answer.status, answer.read()) == (200, b"by host")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    connection.close()


@pytest.mark.parametrize(
    ("role", "may"),
    [(Role.READER, {"get", "list"}), (Role.PUT, {"put"}), (Role.WRITER, {"get", "put", "list", "delete", "copy"})],
)
def test_a_role_may_do_what_it_is_for(api, s3, bucket, role, may):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with serving(authorised(api, Caller(tenant="default", role=role))) as url:
        limited = client("s3", url)
        asked = {
            "get": lambda: limited.get_object(Bucket=bucket, Key="k"),
            "list": lambda: limited.list_objects_v2(Bucket=bucket),
            "put": lambda: limited.put_object(Bucket=bucket, Key="new", Body=b"x"),
            "copy": lambda: limited.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k"),
            "delete": lambda: limited.delete_object(Bucket=bucket, Key="new"),
        }
        for name, ask in asked.items():
            if name in may:
                ask()
            else:
                assert refused(ask) == ("AccessDenied", 403), name


def test_without_a_caller_all_is_refused(api, bucket):
    with serving(api) as url:
        nobody = client("s3", url)
        assert refused(nobody.get_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
        assert refused(nobody.put_object, Bucket=bucket, Key="k", Body=b"x") == ("AccessDenied", 403)


def test_damaged_bytes_do_not_arrive_whole(s3, bucket, folder):
    data = secrets.token_bytes(1_000_000)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    (file,) = (folder / "blobs").rglob(hashlib.sha256(data).hexdigest())
    file.chmod(0o644)
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    with pytest.raises(Exception, match=r"(?i)incomplete|broken|closed"):
        s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Body"].read()


def test_a_download_is_streamed(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(b"z" * 3_000_000))

    body = s3.get_object(Bucket=bucket, Key="k")["Body"]
    assert sum(len(piece) for piece in body.iter_chunks(100_000)) == 3_000_000


def test_keys_are_data_and_never_paths(s3, bucket, folder, store):
    before = {path for path in folder.rglob("*") if path.is_file()}
    odd = [
        "../../escape", "..", "%2e%2e/%2e%2e/x", "%252e%252e", "..\\..\\x", "/etc/passwd", "//host/share", "a//b",
        "file:///etc/passwd", "C:\\con", "NUL", "a#b?c", "\u2025/\uff0e\uff0e/x", "x" * 1024, "a\nb", "é", "e\u0301",
    ]  # fmt: skip
    for key in odd:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in odd:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert {found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]} == set(odd)

    made = {path for path in folder.rglob("*") if path.is_file()} - before
    assert all(path.relative_to(folder).parts[0] in {"blobs", "record.db-wal", "record.db-shm"} for path in made)
    assert not Path("/escape").exists()
    assert refused(s3.put_object, Bucket=bucket, Key="x" * 1025, Body=b"") == ("KeyTooLongError", 400)
    assert refused(s3.put_object, Bucket=bucket, Key="a\0b", Body=b"") == ("InvalidURI", 400)
