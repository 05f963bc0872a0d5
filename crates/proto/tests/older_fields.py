"""Prints every field, enum value and method of the older Akash API that the Python package `akash` carries, one a line."""

import importlib
import pkgutil

PACKAGES = [
    "base.v1beta3",
    "deployment.v1beta3",
    "market.v1beta4",
    "escrow.v1beta3",
    "cert.v1beta3",
    "provider.v1beta3",
    "audit.v1beta3",
]
# Numbers of `FieldDescriptorProto.Type`.
KINDS = {3: "int64", 4: "uint64", 8: "bool", 9: "string", 11: "message", 12: "bytes", 13: "uint32", 14: "enum"}
lines = set()


def add_enum(one):
    lines.update(f"{one.full_name} = {value.number} {value.name}" for value in one.values)


def add_message(message):
    if not message.fields:
        lines.add(f"{message.full_name} -")
    for field in message.fields:
        inner = field.message_type or field.enum_type
        name = f" {inner.full_name}" if inner else ""
        repeated = "repeated " if field.is_repeated else ""
        lines.add(f"{message.full_name} {field.number} {field.name} {repeated}{KINDS[field.type]}{name}")
    for child in message.nested_types:
        add_message(child)
    for child in message.enum_types:
        add_enum(child)


for package in PACKAGES:
    module = importlib.import_module(f"akash.proto.akash.{package}")
    for found in pkgutil.iter_modules(module.__path__):
        if not found.name.endswith("_pb2"):
            continue
        file = importlib.import_module(f"{module.__name__}.{found.name}").DESCRIPTOR
        for message in file.message_types_by_name.values():
            add_message(message)
        for one in file.enum_types_by_name.values():
            add_enum(one)
        for service in file.services_by_name.values():
            for method in service.methods:
                names = f"{method.input_type.full_name} -> {method.output_type.full_name}"
                lines.add(f"{service.full_name}/{method.name} {names}")

for line in sorted(lines):
    print(line)
