"""Checks JSON on standard input by the JSON schema that is named, and says where it does not fit."""
import json
import sys

import fastjsonschema

with open(sys.argv[1], encoding="utf-8") as file:
    fits = fastjsonschema.compile(json.load(file))
try:
    fits(json.load(sys.stdin))
except fastjsonschema.JsonSchemaException as problem:
    sys.exit(str(problem))
