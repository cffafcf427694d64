"""Does the main job through a client that openapi-python-client makes of the API's own document: every answer has to be of a type of the client.

Arguments: the folder with the package "client", the server's address, its token, a calendar file.
"""

import io
import sys
import time

folder, address, token, calendar_file = sys.argv[1:]
sys.path.insert(0, folder)

from client import AuthenticatedClient, models  # noqa: E402
from client.api.actions import get_actions, get_actions_id, post_decisions  # noqa: E402
from client.api.archive_configs import post_archive_configs  # noqa: E402
from client.api.calendars import post_calendars, post_calendars_id_import  # noqa: E402
from client.api.hours import get_hours  # noqa: E402
from client.api.jobs import post_jobs  # noqa: E402
from client.api.ledger import get_ledger_config_days_date, post_ledger_config_verify  # noqa: E402
from client.api.runs import get_runs_id, get_runs_id_items, get_runs_id_plan, post_runs, post_runs_id_undo  # noqa: E402
from client.types import File  # noqa: E402

client = AuthenticatedClient(base_url=address, token=token, raise_on_unexpected_status=True)


def is_a(kind, answer):
    if not isinstance(answer, kind):
        sys.exit(f"expected {kind.__name__}, got {answer!r}")
    return answer


def ended(run):
    is_a(models.Run, run)
    while run.state in ("queued", "running"):
        time.sleep(0.2)
        run = is_a(models.Run, get_runs_id.sync(run.id, client=client))
    if run.state != "succeeded":
        sys.exit(f"run {run.id} is {run.state}: {run.problem}")
    return run


uri = "local://me/calendars/Work"
calendar = is_a(models.Calendar, post_calendars.sync(client=client, body=models.PostCalendarsRequest(uri=uri)))
with open(calendar_file, "rb") as file:
    is_a(models.Import, post_calendars_id_import.sync(calendar.id, client=client, body=File(payload=io.BytesIO(file.read()))))
config = is_a(models.Config, post_archive_configs.sync(client=client, body=models.NewConfigInput(
    name="work", source=uri, archive="local://me/calendars/Archive", timezone="Europe/Berlin")))

archive = models.RunInput(kind=models.RunInputKind.ARCHIVE, config=config.id, from_="2026-10-01", to="2026-10-31")
archive.dry_run = True
tried = ended(post_runs.sync(client=client, body=archive))
plan = is_a(models.PlanDocument, get_runs_id_plan.sync(tried.id, client=client))
if not plan.balanced or not plan.items or not isinstance(plan.items[0], models.PlanItem):
    sys.exit(f"the plan is {plan}")
archive.dry_run = False
run = ended(post_runs.sync(client=client, body=archive))
items = is_a(models.ListItem, get_runs_id_items.sync(run.id, client=client))
if not items.items:
    sys.exit("the run has no items")

actions = is_a(models.ListAction, get_actions.sync(client=client, kind=models.GetActionsKind.OVERLAP)).items
shown = is_a(models.ActionDetail, get_actions_id.sync(actions[0].id, client=client))
answer = next(s for s in shown.suggestions if s.verdicts)
decided = ended(post_decisions.sync(client=client, body=models.DecisionsInput(
    config=config.id, decisions=[models.DecisionInput(action=shown.id, verdicts=answer.verdicts)])))
undo = is_a(models.UndoPlan, post_runs_id_undo.sync(decided.id, client=client, body=models.UndoInput(), preview=True))
ended(post_runs_id_undo.sync(decided.id, client=client, body=models.UndoInput(plan_hash=undo.plan_hash)))

if not is_a(models.Hours, get_hours.sync(client=client, period="2026-10")).rows:
    sys.exit("there are no hours")
day = get_ledger_config_days_date.sync(config.id, "2026-10-05", client=client)
if not day.items or not isinstance(day.items[0].appointment, models.Appointment):
    sys.exit(f"the day is {day}")
if not post_ledger_config_verify.sync(config.id, client=client).ok:
    sys.exit("the ledger does not hold")
is_a(models.Job, post_jobs.sync(client=client, body=models.JobInput(
    kind=models.JobInputKind.ARCHIVE, config=config.id, schedule=models.Schedule(repeat=models.ScheduleRepeat.DAILY, at="23:59", zone="Europe/Berlin"))))
print("done")
