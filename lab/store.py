"""What the app remembers: one `Store` of all parts, each of which has a file of its own.

A lab's model speaks one language at a time; pairs, labels and runs keep the one they were made in, and wait when the
lab changes to another.
"""

from __future__ import annotations

from lab.copy_records import CopyRecords
from lab.database import Database
from lab.database import StoreError as StoreError
from lab.forecast_records import ForecastRecords
from lab.guideline_records import Guideline as Guideline
from lab.guideline_records import GuidelineRecords
from lab.invitation_records import InvitationRecords
from lab.lab_records import ConstitutionRow as ConstitutionRow
from lab.lab_records import Lab as Lab
from lab.lab_records import LabRecords
from lab.label_records import SOURCES as SOURCES
from lab.label_records import Label as Label
from lab.label_records import LabelRecords
from lab.label_records import NewLabel as NewLabel
from lab.label_records import NewPair as NewPair
from lab.label_records import Shown as Shown
from lab.label_records import Undo as Undo
from lab.member_records import MemberRecords
from lab.member_records import MemberRow as MemberRow
from lab.mission_records import Mission as Mission
from lab.mission_records import MissionRecords
from lab.records import now as now
from lab.run_records import DELETED as DELETED
from lab.run_records import UNFINISHED as UNFINISHED
from lab.run_records import Artifact as Artifact
from lab.run_records import Checkpoint as Checkpoint
from lab.run_records import Measured as Measured
from lab.run_records import Run as Run
from lab.run_records import RunRecords


class Store(
    LabRecords,
    LabelRecords,
    GuidelineRecords,
    RunRecords,
    InvitationRecords,
    ForecastRecords,
    MemberRecords,
    MissionRecords,
    CopyRecords,
):
    """All that the app keeps. url: a SQLAlchemy URL; see `Database`."""

    def __init__(self, url: str | None = None) -> None:
        super().__init__(Database(url))

    def claim(self) -> None:
        """Be the only process that trains with this database. StoreError if another one does."""
        self._db.claim()

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()
