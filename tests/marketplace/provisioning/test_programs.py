"""A run gets its recipe's program with everything that it imports beside itself."""

from marketplace import recipes
from marketplace.provisioning.actions import _work
from marketplace.provisioning.models import Allocation


def test_a_program_of_several_files_comes_whole(jiangnan):
    allocation = Allocation(
        recipe="forecast", organisation=jiangnan, public_id="all_1", params={}, cores=1, memory_mb=512, wall_s=60
    )
    work = _work(allocation)
    folder = recipes.get("forecast").folder
    assert work.program == folder / "program.py"
    assert work.files == {"methods.py": folder / "methods.py"}
