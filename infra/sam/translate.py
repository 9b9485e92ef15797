"""Prints a template as CloudFormation gets it: in CloudFormation's own terms, with everything that SAM adds."""

import json
import sys

from boto3.session import Session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml_parse(file)

# A deployment puts what is local into a bucket first.
for resource in template["Resources"].values():
    properties = resource.get("Properties", {})
    if "CodeUri" in properties:
        properties["CodeUri"] = "s3://bucket/" + properties["CodeUri"]
    if "TemplateURL" in properties:
        properties["TemplateURL"] = "https://bucket.s3.amazonaws.com/" + properties["TemplateURL"]

# It is told of no managed policy: a role that leaned on one would be an error here.
translator = Translator({}, Parser(), boto_session=Session(region_name="us-east-1"))
json.dump(translator.translate(template, parameter_values={}), sys.stdout, indent=1)
