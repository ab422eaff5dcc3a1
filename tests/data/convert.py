"""Public data sets as Segment-spec events, one JSON object a line, on standard output.

    convert.py ecom FILE [--shuffle-ms N --seed S]   ecom_sessions.csv.gz
    convert.py cdnow FILE [--last YYYY-MM-DD]        cdnow_sample.txt.gz or cdnow_master.txt.gz
    convert.py retail FILE [--before YYYY-MM-DD]     online_retail.csv.gz, one event an invoice

Lines are sorted by event time, equal times in the order of the file. Times of the files have no
zone: they are read as UTC. --shuffle-ms delays each event's arrival by less than N ms, at random.
"""
import argparse
import csv
import datetime
import gzip
import json
import math
import random
import sys


def event(user, name, time, message_id, properties, context=None):
    e = {"type": "track", "event": name, "userId": user, "messageId": message_id, "timestamp": time,
         "properties": properties}
    if context:
        e["context"] = context
    return e


def iso(text):
    """'2024-03-13 10:21:14' to RFC 3339."""
    assert len(text) == 19, text
    return text[:10] + "T" + text[11:] + ".000Z"


def ecom(path):
    """One track event a row; properties.session_id is the answer that a session test compares with."""
    with gzip.open(path, "rt", newline="") as f:
        for i, r in enumerate(csv.DictReader(f), 1):
            properties = {"session_id": r["session_id"], "channel": r["acquisition_channel"]}
            yield event(r["user_id"], r["event"], iso(r["timestamp"]), "ecom-%d" % i, properties,
                        {"device": {"type": r["platform"]}})


def cdnow(path, last):
    """One order a line. The sample's users have the sample's number, as in its published summary."""
    with gzip.open(path, "rt") as f:
        for i, line in enumerate(f, 1):
            fields = line.split()
            if not fields or not fields[0].isdigit():
                continue
            user, day, items, amount = fields[-4:]
            day = "%s-%s-%s" % (day[:4], day[4:6], day[6:])
            if last and day > last:
                continue
            properties = {"order_id": "cdnow-%d" % i, "revenue": float(amount), "currency": "USD",
                          "products": [{"product_id": "cd", "quantity": int(items)}]}
            yield event(str(int(user)), "Order Completed", day + "T00:00:00.000Z", "cdnow-%d" % i, properties)


def retail_lines(path):
    """(invoice, row) of the lines that count as purchase or refund; see churn/README.md's definition."""
    with gzip.open(path, "rt", encoding="latin1", newline="") as f:
        for r in csv.DictReader(f):
            if not r["CustomerID"]:
                continue
            refund = r["InvoiceNo"].startswith("C")
            if refund or (int(r["Quantity"]) > 0 and float(r["UnitPrice"]) > 0):
                yield refund, r


def retail_time(text):
    """The file has '2010-12-01 08:26:00', some copies '2010-12-01 08:26'."""
    return iso(text if len(text) == 19 else text + ":00")


def retail(path, before):
    """Order Completed or Order Refunded an invoice, at the time of its first line. A refund's
    quantities and revenue are negative, as in the file."""
    invoices = {}
    for refund, r in retail_lines(path):
        invoices.setdefault((refund, r["InvoiceNo"]), []).append(r)
    for refund in (False, True):   # purchases before refunds of the same minute
        for (kind, number), rows in invoices.items():
            time = min(retail_time(r["InvoiceDate"]) for r in rows)
            if kind != refund or (before and time >= before):
                continue
            products = [{"product_id": r["StockCode"], "name": r["Description"], "quantity": int(r["Quantity"]),
                         "price": float(r["UnitPrice"])} for r in rows]
            revenue = math.fsum(int(r["Quantity"]) * float(r["UnitPrice"]) for r in rows)
            yield event(str(int(float(rows[0]["CustomerID"]))), "Order Refunded" if refund else "Order Completed", time,
                        "retail-" + number, {"order_id": number, "revenue": revenue, "currency": "GBP",
                                             "products": products},
                        {"location": {"country": rows[0]["Country"]}})


def arrive(events, shuffle_ms, seed):
    """Events in the order of their arrival: as sorted, or each up to shuffle_ms late."""
    events = sorted(events, key=lambda e: e["timestamp"])
    if not shuffle_ms:
        return events
    draw = random.Random(seed)
    late = datetime.timedelta(milliseconds=1)
    keyed = [(datetime.datetime.fromisoformat(e["timestamp"][:-1]) + late * draw.randrange(shuffle_ms), i)
             for i, e in enumerate(events)]
    return [events[i] for _, i in sorted(keyed)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=["ecom", "cdnow", "retail"])
    parser.add_argument("file")
    parser.add_argument("--shuffle-ms", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--last", help="cdnow: last day that is written")
    parser.add_argument("--before", help="retail: first day that is not written")
    args = parser.parse_args()
    if args.set == "ecom":
        events = ecom(args.file)
    elif args.set == "cdnow":
        events = cdnow(args.file, args.last)
    else:
        events = retail(args.file, args.before)
    for e in arrive(events, args.shuffle_ms, args.seed):
        sys.stdout.write(json.dumps(e, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
