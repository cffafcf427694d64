"""Reads an iCalendar file as other people's software does, and prints what it takes it for: what happens in a window, and the file written again.

usage: read.py FROM TO < file, both days as YYYY-MM-DD, in UTC
"""

import datetime
import json
import sys

import icalendar
import recurring_ical_events


def moment(value):
    """A date, a floating time, or an instant in UTC."""
    if not isinstance(value, datetime.datetime):
        return value.isoformat()
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)


calendar = icalendar.Calendar.from_ical(sys.stdin.buffer.read())
instances = [
    [str(event["SUMMARY"]), moment(event["DTSTART"].dt), moment(event["DTEND"].dt)]
    for event in recurring_ical_events.of(calendar).between(day(sys.argv[1]), day(sys.argv[2]))
]
broken = [str(error) for event in calendar.walk() for error in event.errors]
json.dump({"instances": sorted(instances), "broken": broken, "again": calendar.to_ical().decode()}, sys.stdout)
