"""Why a run ended as it did, in words."""

from django.utils.translation import gettext_lazy as _

REASONS = {
    "oom": _("The run needed more memory than it may use."),
    "wall": _("The run reached its time limit and was stopped."),
    "cpu": _("The run reached the most computing it may use and was stopped."),
    "exit": _("The program could not finish with this file."),
    "lost": _("The machine lost the run."),
    "stopped": _("The run was stopped."),
    "no_result": _("The program ended without a result."),
    "site_unreachable": _("The machine did not answer."),
    "no_sandbox": _("This machine cannot shield runs from each other, so it runs none."),
    "installing": _("The machine is still being set up."),
}
