"""The demo's orders: every order and refund of one customer in ten of "Online Retail".

    slice.py online_retail.csv.gz >orders.ndjson

Customers are chosen by a hash of their number, so that nobody picked them. Products keep their code
and quantity; the rest of the data set is left out to keep the file small.
"""
import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/data"))
import convert  # noqa: E402

ONE_IN = 10


def chosen(user):
    return int(hashlib.sha256(user.encode()).hexdigest(), 16) % ONE_IN == 0


def slim(event):
    properties = event["properties"]
    properties["revenue"] = round(properties["revenue"], 2)
    properties["products"] = [{"product_id": p["product_id"], "quantity": p["quantity"]} for p in properties["products"]]
    return event


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    events = (slim(e) for e in convert.retail(sys.argv[1], None) if chosen(e["userId"]))
    for e in convert.arrive(events, 0, 1):
        sys.stdout.write(json.dumps(e, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
