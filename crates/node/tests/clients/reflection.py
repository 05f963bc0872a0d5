"""Google's own gRPC client for Python learns of every method by reflection and calls some that it did not know."""

import os

import grpc
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

channel = grpc.insecure_channel(os.environ["GRPC"].removeprefix("http://"))
database = ProtoReflectionDescriptorDatabase(channel)
names = set(database.get_services())
for name in [
    "akash.deployment.v1beta4.Query",
    "akash.discovery.v1.Discovery",
    "cosmos.auth.v1beta1.Query",
    "cosmos.bank.v1beta1.Query",
    "cosmos.base.tendermint.v1beta1.Service",
    "cosmos.tx.v1beta1.Service",
    "grpc.reflection.v1alpha.ServerReflection",
]:
    assert name in names, (name, names)
assert not any(name.endswith(".Msg") for name in names), names


def reflect(version, **question):
    """One answer of a version of reflection; both versions have the same messages under different names."""
    ask = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    return next(ask(iter([reflection_pb2.ServerReflectionRequest(**question)])))


for version in ["v1", "v1alpha"]:
    listed = {service.name for service in reflect(version, list_services="").list_services_response.service}
    assert f"grpc.reflection.{version}.ServerReflection" in listed, listed
    assert {name for name in listed if not name.startswith("grpc.reflection")} == {
        name for name in names if not name.startswith("grpc.reflection")
    }, listed
    found = reflect(version, file_containing_symbol="cosmos.bank.v1beta1.Query").file_descriptor_response
    (query,) = [FileDescriptorProto.FromString(file) for file in found.file_descriptor_proto]
    paths = {method.name: method.options.Extensions[annotations_pb2.http].get for method in query.service[0].method}
    assert paths["DenomOwners"] == "/cosmos/bank/v1beta1/denom_owners/{denom=**}", paths
    assert all(paths.values()), paths
    # tonic ends the stream with the status, where others answer with an error_response; clients take both.
    try:
        missing = reflect(version, file_containing_symbol="no.such.Thing").error_response.error_code
    except grpc.RpcError as error:
        missing = error.code().value[0]
    assert missing == grpc.StatusCode.NOT_FOUND.value[0], missing

pool = DescriptorPool(database)


def call(service, method, metadata=(), compression=None, **fields):
    """Calls a method whose messages are known from the server alone; the answer and the height that it is of."""
    described = pool.FindServiceByName(service).FindMethodByName(method)
    request, response = GetMessageClass(described.input_type), GetMessageClass(described.output_type)
    stub = channel.unary_unary(
        f"/{service}/{method}", request_serializer=request.SerializeToString, response_deserializer=response.FromString
    )
    answer, details = stub.with_call(request(**fields), metadata=metadata, compression=compression)
    return answer, int(dict(details.initial_metadata())["x-cosmos-block-height"])


for service in sorted(names):
    if not service.startswith("grpc.reflection"):
        methods = pool.FindServiceByName(service).methods
        assert methods, service
        print(service, " ".join(method.name for method in methods))

answer, height = call("cosmos.bank.v1beta1.Query", "Balance", address=os.environ["SENDER"], denom="utet")
assert answer.balance.amount == "1000000000", answer
assert height >= 2, height
answer, height = call(
    "cosmos.bank.v1beta1.Query", "Balance", metadata=(("x-cosmos-block-height", "1"),), compression=grpc.Compression.Gzip,
    address=os.environ["SENDER"], denom="utet",
)
assert (answer.balance.amount, height) == ("1000000000", 1), (answer, height)

answer, _ = call("cosmos.bank.v1beta1.Query", "DenomOwners", denom="utet")
assert os.environ["SENDER"] in {owner.address: owner.balance.amount for owner in answer.denom_owners}, answer

for path, code, text in [
    ("/cosmos.staking.v1beta1.Query/Validators", grpc.StatusCode.UNIMPLEMENTED, "no staking"),
    ("/cosmos.bank.v1beta1.Query/Nothing", grpc.StatusCode.UNIMPLEMENTED, "Nothing"),
    ("/cosmos.bank.v1beta1.Query/Balance", grpc.StatusCode.INVALID_ARGUMENT, "address"),
]:
    try:
        channel.unary_unary(path)(b"")
        raise AssertionError(f"{path} was answered")
    except grpc.RpcError as error:
        assert error.code() == code and text in error.details(), error
print("all done")
