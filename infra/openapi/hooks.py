"""Hooks of schemathesis: what it makes up is turned into things that are there.

A generated uid meets nothing, and would only ever be answered 404. So most of them are replaced by uids that the service has:
those in the JSON file $HERMOD_WORLD, and those that it answers on the way. Which one follows from the generated uid, so that
one run makes the requests of the other.
"""

import itertools
import json
import os
import zlib

import schemathesis

with open(os.environ["HERMOD_WORLD"], encoding="utf-8") as file:
    world = json.load(file)

# Uids of each kind, by the first segment of a path.
pool = world["pool"]

# The kind that a field or a query parameter names.
KINDS = {"workflow_uid": "workflows", "job_uid": "jobs", "webhook_uid": "webhooks"}

# Where a new uid is answered, and its kind.
MADE = {
    "POST /workflows": "workflows",
    "POST /workflows/{uid}/schedule": "jobs",
    "POST /webhooks": "webhooks",
    "POST /redrives": "redrives",
    "POST /api-keys": "api-keys",
}

# What no schema can say: a request that fits its schema is rightly refused with this label and these words.
BEYOND_SCHEMA = [
    ("INVALID_CURSOR", ""),  # a cursor is good if a list gave it for the same filters
    ("INVALID_FIELD", " bytes; at most "),  # a schema counts characters
    ("INVALID_FIELD", "names no "),  # a uid of something that the project does not have
    ("INVALID_FIELD", "is the uid of no input of this job"),
    ("INVALID_FIELD", "is no step that this workflow has"),
    ("INVALID_FIELD", "a webhook is for one job, for one workflow or"),  # not for both
    ("INVALID_FIELD", "there is no stored one to keep"),  # a header without a value
    ("INVALID_FIELD", "is there twice; names do not differ by case"),
    ("INVALID_FIELD", "secret is for scheme v1"),  # and not for v1a
    ("INVALID_FIELD", "is signed under v1 alone"),  # so that there is no other secret to rotate
    ("INVALID_FIELD", " for inputs that "),  # failed, or succeeded, and this one did not
    ("INVALID_FIELD", "or none with last: true"),  # no inputs
    ("INVALID_FIELD", "must lie in the future"),
    ("INVALID_FIELD", "cannot narrow what is missing"),
    ("INVALID_PARAMETER", "must be before until"),
    ("INVALID_PARAMETER", "days before until"),  # for statistics, which end there
]

numbers = itertools.count()
given = set()


def digest(text):
    return zlib.crc32(str(text).encode("utf-8", "replace"))


def existing(kind, uid):
    """The uid, or three times in four one that exists; never that of the key in use, which somebody would delete."""
    known = pool.get(kind, [])
    if known and uid not in known and (digest(uid) % 4 or uid == world["own"]):
        return known[digest(uid) // 4 % len(known)]
    return uid


def label(case):
    return f"{case.method} {case.path}"


@schemathesis.hook
def before_load_schema(ctx, raw_schema):
    known = {f"{method.upper()} {path}": item[method] for path, item in raw_schema["paths"].items() for method in item}
    unknown = (MADE.keys() | world["examples"].keys()) - known.keys()
    if unknown:
        raise ValueError(f"openapi.yaml has no {sorted(unknown)}; hooks.py and world.go name them")
    for name, operation in known.items():
        if "requestBody" in operation and not {"example", "examples"} & operation["requestBody"]["content"]["application/json"].keys():
            raise ValueError(f"the body of {name} has no example in openapi.yaml")


@schemathesis.hook
def before_call(ctx, case, kwargs):
    if case.meta is not None and case.meta.phase.name.value == "examples":
        fit_example(case)
    else:
        fit_generated(case)
    if isinstance(case.body, dict) and str(case.body.get("url")).startswith("http"):
        case.body["url"] = world["receiver"]  # nothing is ever sent to an address that was made up
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"{next(numbers)} {case.headers['Idempotency-Key']}"[:255]


def fit_example(case):
    """Lets an example meet things in the state it needs: it has to be answered with a success."""
    uid = case.path_parameters.get("uid")
    if uid is not None and uid not in given:  # a request may be sent again, to see what happens without a key
        spares = world["examples"].get(label(case), [])
        uid = case.path_parameters["uid"] = spares.pop() if spares else pool[case.path.split("/")[1]][0]
        given.add(uid)
    for place in places(case):
        for field in KINDS.keys() & place.keys():
            place[field] = pool[KINDS[field]][0]
    if "x-project-id" in case.headers:
        case.headers["x-project-id"] = world["project"]


def fit_generated(case):
    if "uid" in case.path_parameters:
        case.path_parameters["uid"] = existing(case.path.split("/")[1], case.path_parameters["uid"])
    for place in places(case):
        for field in KINDS.keys() & place.keys():
            if isinstance(place[field], str):
                place[field] = existing(KINDS[field], place[field])
        if "cursor" in place and digest(f"{case.path} {place['cursor']}") % 4:
            del place["cursor"]  # most cannot be good
    if "x-project-id" in case.headers and digest(case.headers["x-project-id"]) % 4:
        case.headers["x-project-id"] = world["project"]


def places(case):
    return [place for place in (case.query, case.body) if isinstance(place, dict)]


@schemathesis.hook
def after_call(ctx, case, response):
    kind = MADE.get(label(case))
    if kind and response.status_code < 300 and response.content:
        made = json.loads(response.content)
        if "uid" in made:
            pool.setdefault(kind, []).append(made["uid"])


@schemathesis.hook
def filter_failure(ctx, failure, case, response):
    if "positive_data_acceptance" not in failure.checks:
        return True
    answer = json.loads(response.content)
    return not any(answer["error_label"] == label and words in answer["message"] for label, words in BEYOND_SCHEMA)
