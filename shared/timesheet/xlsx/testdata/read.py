"""Reads a workbook from standard input with openpyxl and prints its cells as JSON: by sheet the rows, of each cell its value and its format."""
import datetime
import io
import json
import sys

import openpyxl


def told(cell):
    value = cell.value
    if isinstance(value, datetime.timedelta):
        value = "duration %d" % round(value.total_seconds())
    elif isinstance(value, datetime.time) and cell.number_format == "[h]:mm":
        value = "duration %d" % (value.hour * 3600 + value.minute * 60 + value.second)
    elif isinstance(value, datetime.datetime):
        value = value.date().isoformat()
    elif isinstance(value, datetime.time):
        value = value.isoformat()
    elif isinstance(value, (int, float)):
        value = told_number(value, cell.number_format)
    return [value, "formula" if cell.data_type == "f" else cell.number_format]


def told_number(value, form):
    if form == "[h]:mm":
        return "duration %d" % round(value * 86400)
    if form == "#,##0.00##":
        text = ("%.4f" % value).rstrip("0")
        whole, part = text.split(".")
        return whole + "." + part.ljust(2, "0")
    if form.startswith("#,##0"):
        return "%.*f" % (len(form.partition(".")[2]), value)
    return "%d" % value


book = openpyxl.load_workbook(io.BytesIO(sys.stdin.buffer.read()))
json.dump({sheet.title: [[told(cell) for cell in row] for row in sheet.iter_rows()] for sheet in book}, sys.stdout)
