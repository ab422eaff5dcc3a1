#!/usr/bin/env python3
"""Recency, frequency and money of customers equal what is published, and what Python works out.

    rfm.py MILLRACE SOURCE_ROOT
"""
import collections
import csv
import datetime
import decimal
import gzip
import json
import os
import subprocess
import sys
import tempfile
import unittest

CONFIG = """
app: proof
input: {events: {topic: events}}
lifecycle: {purchase: Order Completed, dormant: 60d, churned: 120d}
profile:
  orders:      {count: Order Completed}
  orders_90d:  {count: Order Completed, over: 90d, pane: 1d}
  spent_90d:   {sum: event.properties.revenue, of: Order Completed, over: 90d, pane: 1d}
  least:       {min: event.properties.revenue, of: Order Completed}
  most:        {max: event.properties.revenue, of: Order Completed}
  first_order: {first: event.properties.order_id, of: Order Completed}
  last_order:  {last: event.time, of: Order Completed}
  refunds:     {count: Order Refunded}
  countries:   {distinct: event.context.location.country, of: [Order Completed, Order Refunded]}
  country:     {top: event.context.location.country, of: Order Completed}
"""
END = datetime.date(2011, 12, 10)


def replay(what, until, *options):
    """The values of each user."""
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "proof.yaml")
        with open(config, "w") as f:
            f.write(CONFIG)
        events = subprocess.run([sys.executable, os.path.join(root, "tests/data/convert.py"), what, *options],
                                stdout=subprocess.PIPE, check=True).stdout
        out = subprocess.run([millrace, "replay", "-c", config, "--emit", "profiles", "--until", until, "-"],
                             input=events, stdout=subprocess.PIPE, check=True).stdout
    profiles = [json.loads(line)["data"] for line in out.splitlines()]
    return {p["user"]: p["values"] for p in profiles}


def data_file(test, name):
    path = os.path.join(root, "../shared/data", name)
    if not os.path.exists(path):
        if os.environ.get("MILLRACE_REQUIRE_SHARED") == "1":
            test.fail(path + " is not there")
        test.skipTest(path + " is not there")
    return path


def invoices(path):
    """Purchases and refunds of each customer, one an invoice: (time, amount, number, country)."""
    lines = collections.defaultdict(list)
    with gzip.open(path, "rt", encoding="latin1", newline="") as f:
        for r in csv.DictReader(f):
            refund = r["InvoiceNo"].startswith("C")
            if r["CustomerID"] and (refund or (int(r["Quantity"]) > 0 and float(r["UnitPrice"]) > 0)):
                lines[str(int(float(r["CustomerID"]))), refund, r["InvoiceNo"]].append(r)
    bought, refunded = collections.defaultdict(list), collections.defaultdict(list)
    for (user, refund, number), rows in lines.items():
        time = min(r["InvoiceDate"] for r in rows)
        amount = sum(int(r["Quantity"]) * decimal.Decimal(r["UnitPrice"]) for r in rows)
        (refunded if refund else bought)[user].append((time, amount, number, rows[0]["Country"]))
    return bought, refunded


class Rfm(unittest.TestCase):
    def test_published_summary_of_cdnow(self):
        with gzip.open(data_file(self, "cdnow_sample_summary.csv.gz"), "rt") as f:
            published = list(csv.DictReader(f))
        self.assertEqual(len(published), 2357)
        got = replay("cdnow", "1997-09-30T00:00:00Z", data_file(self, "cdnow_sample.txt.gz"), "--last", "1997-09-30")
        self.assertEqual(len(got), 2357)
        for row in published:
            values = got[row["ID"]]
            self.assertEqual(values["frequency"], float(row["frequency"]), row)
            # The summary has weeks, rounded to two decimals.
            self.assertLessEqual(abs(values["recency_days"] / 7 - float(row["recency"])), 0.00500001, row)
            self.assertLessEqual(abs(values["tenure_days"] / 7 - float(row["T"])), 0.00500001, row)

    def test_online_retail(self):
        path = data_file(self, "online_retail.csv.gz")
        got = replay("retail", END.isoformat() + "T00:00:00Z", path)
        bought, refunded = invoices(path)
        self.assertEqual(len(bought), 4338)
        self.assertEqual(set(got), set(bought) | set(refunded))
        for user, values in got.items():
            self.check_customer(values, sorted(bought[user]), refunded[user])

    def check_customer(self, values, bought, refunded):
        self.assertEqual((values["orders"], values["purchases"]), (len(bought), len(bought)))
        self.assertEqual(values["refunds"], len(refunded))
        self.assertEqual(values["countries"], len({c for _, _, _, c in bought + refunded}))
        if not bought:
            self.assertEqual(values["stage"], "prospect")
            self.assertFalse({"frequency", "recency_days", "tenure_days", "last_order"} & set(values))
            return
        days = sorted({datetime.date.fromisoformat(t[:10]) for t, _, _, _ in bought})
        total = sum(a for _, a, _, _ in bought)
        self.assertEqual(values["days_since_purchase"], (END - days[-1]).days)                # R
        self.assertEqual(values["frequency"], len(days) - 1)                                  # F
        self.assertEqual(values["revenue_total"], float(total))                               # M
        self.assertAlmostEqual(values["monetary"], float(total / len(bought)), delta=1e-9 * float(total))
        self.assertEqual(values["recency_days"], (days[-1] - days[0]).days)
        self.assertEqual(values["tenure_days"], (END - days[0]).days)
        self.assertEqual(values["last_order"], bought[-1][0].replace(" ", "T")[:16] + ":00.000Z")
        recent = [a for t, a, _, _ in bought if (END - datetime.date.fromisoformat(t[:10])).days <= 90]
        self.assertEqual(values["orders_90d"], len(recent))
        self.assertAlmostEqual(values["spent_90d"], float(sum(recent)), delta=1e-9 * float(total))
        self.assertAlmostEqual(values["least"], float(min(a for _, a, _, _ in bought)), places=6)
        self.assertAlmostEqual(values["most"], float(max(a for _, a, _, _ in bought)), places=6)
        firsts = {n for t, _, n, _ in bought if t == bought[0][0]}
        self.assertIn(values["first_order"], firsts)
        countries = collections.Counter(c for _, _, _, c in bought)
        self.assertEqual(countries[values["country"]], max(countries.values()))
        silence = datetime.datetime.combine(END, datetime.time()) - datetime.datetime.fromisoformat(bought[-1][0])
        stage = "churned" if silence.days >= 120 else "dormant" if silence.days >= 60 else "active" if len(days) > 1 else "new"
        self.assertEqual(values["stage"], stage)


if __name__ == "__main__":
    millrace, root = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
