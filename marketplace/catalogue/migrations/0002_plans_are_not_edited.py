"""A price that somebody may have been quoted stays as it was: only its end may be written, once."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION catalogue_plan_is_not_edited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - 'effective_to') IS DISTINCT FROM (to_jsonb(OLD) - 'effective_to')
       OR (OLD.effective_to IS NOT NULL AND NEW.effective_to IS DISTINCT FROM OLD.effective_to) THEN
        RAISE EXCEPTION 'a plan is replaced by a new one, never edited' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plan_is_not_edited BEFORE UPDATE ON catalogue_plan
    FOR EACH ROW EXECUTE FUNCTION catalogue_plan_is_not_edited();
"""
BACKWARD = """
DROP TRIGGER plan_is_not_edited ON catalogue_plan;
DROP FUNCTION catalogue_plan_is_not_edited();
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
