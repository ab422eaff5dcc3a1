"""A property of librdkafka that `validate` takes is one that `run` passes on. argv: the repository."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sources  # noqa: E402

ROOT = sys.argv.pop(1)


def table(path, name):
    text = sources.text_of(ROOT, path)
    return re.search(r"\b%s\[\] = \{\n(.*?)\n\};" % name, text, re.S).group(1)


class Properties(unittest.TestCase):
    def test_nothing_is_taken_and_then_refused(self):
        allowed = set(re.findall(r'\.name = "([^"]+)"', table("stream/config/properties.c", "allowed")))
        refused = {x for name in ("ours", "dangerous") for x in re.findall(r'"([^"]+)"', table("stream/kafka/conf.c", name))}
        self.assertGreater(len(allowed), 40)
        self.assertGreater(len(refused), 20)
        # `instance` takes group.instance.id over: it is not passed on as a property.
        self.assertEqual(allowed & refused, {"group.instance.id"})


if __name__ == "__main__":
    unittest.main()
