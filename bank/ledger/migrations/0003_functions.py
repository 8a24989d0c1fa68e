"""The writes of the books as one statement each, and guards against a runtime role that is not honest.

- ledger_post, ledger_post_many, ledger_hold: locks in the order of pk, then the key, then the balance,
  then the rows. What is refused is refused before anything is written, so no savepoint is needed.
- A journal's postings come in one statement, a lot entry never exceeds its posting: nothing can be added
  after the journal was checked.
- Guards run with the owner's rights and a fixed search path: the runtime role needs no right to write
  balances, and a temporary table cannot stand in for one of ours.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION ledger_post(
  p_public_id text, p_key text, p_mark text, p_reason text, p_cause text, p_at timestamptz, p_actor text,
  p_memo jsonb, p_hold bigint, p_reverses bigint, p_accounts bigint[], p_amounts bigint[],
  OUT journal bigint, OUT known boolean, OUT refusal text, OUT account bigint, OUT available bigint)
LANGUAGE plpgsql AS $$
DECLARE a record; mark text; held_on bigint;
BEGIN
  known := false;
  IF p_hold IS NOT NULL THEN
    SELECT account_id INTO held_on FROM ledger_hold WHERE id = p_hold;
  END IF;
  FOR a IN
    SELECT c.id, c.posted - c.held - c.floor AS free, c.posted, c.ceiling, d.amount
      FROM (SELECT id, sum(amount)::bigint AS amount FROM unnest(p_accounts, p_amounts) AS u(id, amount) GROUP BY id) d
      JOIN ledger_account c ON c.id = d.id
     WHERE c.counted ORDER BY c.id FOR NO KEY UPDATE OF c
  LOOP
    IF refusal IS NULL AND a.amount < 0 AND a.id IS DISTINCT FROM held_on AND a.free < -a.amount THEN
      refusal := 'insufficient'; account := a.id; available := greatest(0, a.free);
    ELSIF refusal IS NULL AND a.amount > 0 AND a.posted + a.amount > a.ceiling THEN
      refusal := 'above_ceiling'; account := a.id; available := a.ceiling - a.posted;
    END IF;
  END LOOP;
  -- the key before the balance: a repetition must not be refused for what its first run has spent
  SELECT j.id, j.fingerprint INTO journal, mark FROM ledger_journal j WHERE j.key = p_key;
  IF journal IS NULL AND p_reverses IS NOT NULL
     AND EXISTS (SELECT 1 FROM ledger_journal j WHERE j.reverses_id = p_reverses) THEN
    refusal := 'already_reversed';
  END IF;
  IF journal IS NULL AND refusal IS NULL THEN
    INSERT INTO ledger_journal (public_id, key, fingerprint, reason, cause, at, actor, memo, hold_id, reverses_id)
      VALUES (p_public_id, p_key, p_mark, p_reason, p_cause, p_at, p_actor, p_memo, p_hold, p_reverses)
      ON CONFLICT DO NOTHING RETURNING id INTO journal;
    IF journal IS NOT NULL THEN
      INSERT INTO ledger_posting (journal_id, account_id, amount)
        SELECT journal, u.id, u.amount FROM unnest(p_accounts, p_amounts) WITH ORDINALITY AS u(id, amount, n)
         ORDER BY n;
      RETURN;
    END IF;
    -- a rival took the key, or reversed the same journal, between the look and the insert
    SELECT j.id, j.fingerprint INTO journal, mark FROM ledger_journal j WHERE j.key = p_key;
    IF journal IS NULL THEN
      refusal := 'already_reversed';
    END IF;
  END IF;
  IF journal IS NOT NULL THEN
    known := true;
    refusal := CASE WHEN mark <> p_mark THEN 'idempotency_conflict' END;
  END IF;
END $$;

-- a batch at once, or false (and nothing written) where its entries must be looked at one by one:
-- a key is taken, or somewhere on the way an account would be short
CREATE FUNCTION ledger_post_many(
  p_public_ids text[], p_keys text[], p_marks text[], p_reasons text[], p_causes text[], p_memos text[],
  p_at timestamptz, p_entries int[], p_accounts bigint[], p_amounts bigint[], OUT done boolean, OUT ids bigint[])
LANGUAGE plpgsql AS $$
BEGIN
  done := false;
  PERFORM 1 FROM ledger_account WHERE id = ANY (p_accounts) AND counted ORDER BY id FOR NO KEY UPDATE;
  IF EXISTS (SELECT 1 FROM ledger_journal WHERE key = ANY (p_keys)) OR EXISTS (
    SELECT 1 FROM (
      SELECT l.id, min(l.sofar) AS lowest, max(l.sofar) AS highest FROM (
        SELECT u.id, sum(u.amount) OVER (PARTITION BY u.id ORDER BY u.entry) AS sofar
          FROM unnest(p_entries, p_accounts, p_amounts) AS u(entry, id, amount)) l
       GROUP BY l.id) d
      JOIN ledger_account a ON a.id = d.id
     WHERE (d.lowest < 0 AND a.posted - a.held + d.lowest < a.floor)
        OR (d.highest > 0 AND a.posted + d.highest > a.ceiling)) THEN
    RETURN;
  END IF;
  WITH made AS (
    INSERT INTO ledger_journal (public_id, key, fingerprint, reason, cause, at, actor, memo)
      SELECT u.public_id, u.key, u.mark, u.reason, u.cause, p_at, '', u.memo::jsonb
        FROM unnest(p_public_ids, p_keys, p_marks, p_reasons, p_causes, p_memos)
          WITH ORDINALITY AS u(public_id, key, mark, reason, cause, memo, n) ORDER BY n
      RETURNING id, key)
  SELECT array_agg(made.id ORDER BY u.n) INTO ids
    FROM unnest(p_keys) WITH ORDINALITY AS u(key, n) JOIN made ON made.key = u.key;
  INSERT INTO ledger_posting (journal_id, account_id, amount)
    SELECT ids[u.entry], u.id, u.amount
      FROM unnest(p_entries, p_accounts, p_amounts) WITH ORDINALITY AS u(entry, id, amount, n) ORDER BY n;
  done := true;
END $$;

CREATE FUNCTION ledger_hold(
  p_public_id text, p_key text, p_mark text, p_account bigint, p_amount bigint, p_cause text, p_at timestamptz,
  p_expires_at timestamptz, OUT hold bigint, OUT known boolean, OUT refusal text, OUT available bigint)
LANGUAGE plpgsql AS $$
DECLARE mark text;
BEGIN
  known := false;
  SELECT posted - held - floor INTO available FROM ledger_account WHERE id = p_account FOR NO KEY UPDATE;
  SELECT h.id, h.fingerprint INTO hold, mark FROM ledger_hold h WHERE h.key = p_key;
  IF hold IS NULL THEN
    IF available < p_amount THEN
      refusal := 'insufficient'; available := greatest(0, available);
      RETURN;
    END IF;
    INSERT INTO ledger_hold (public_id, key, fingerprint, account_id, amount, settled, released, state, cause,
                             created_at, expires_at, resolve_key)
      VALUES (p_public_id, p_key, p_mark, p_account, p_amount, 0, 0, 'open', p_cause, p_at, p_expires_at, '')
      ON CONFLICT (key) DO NOTHING RETURNING id INTO hold;
    IF hold IS NOT NULL THEN
      RETURN;
    END IF;
    SELECT h.id, h.fingerprint INTO hold, mark FROM ledger_hold h WHERE h.key = p_key;
  END IF;
  known := true;
  refusal := CASE WHEN mark <> p_mark THEN 'idempotency_conflict' END;
END $$;

-- nothing is added to a journal that is complete: its postings come in one statement
CREATE FUNCTION ledger_posted_at_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE twice bigint;
BEGIN
  SELECT f.journal_id INTO twice
    FROM (SELECT journal_id, count(*) AS n FROM fresh GROUP BY journal_id) f
   WHERE f.n <> (SELECT count(*) FROM ledger_posting p WHERE p.journal_id = f.journal_id) LIMIT 1;
  IF twice IS NOT NULL THEN
    RAISE EXCEPTION 'ledger: the postings of journal % come in one statement', twice
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_posted_at_once AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_posted_at_once();

CREATE OR REPLACE FUNCTION ledger_lot_entered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ledger_posting p JOIN ledger_lot l ON l.id = NEW.lot_id
      JOIN ledger_journal j ON j.id = p.journal_id
      WHERE p.id = NEW.posting_id AND p.account_id = l.account_id AND j.txid = pg_current_xact_id()
        AND sign(p.amount) = sign(NEW.amount)
        AND abs((SELECT sum(e.amount) FROM ledger_lotentry e WHERE e.posting_id = p.id)) <= abs(p.amount)) THEN
    RAISE EXCEPTION 'ledger: a lot entry is a part of a posting of its account and transaction'
      USING ERRCODE = 'check_violation';
  END IF;
  UPDATE ledger_lot SET remaining = remaining + NEW.amount WHERE id = NEW.lot_id;
  RETURN NULL;
END $$;
"""

GUARDS = ["posted()", "posted_at_once()", "balanced()", "held()", "hold_guard()", "rolled_up()", "uncounted_guard()",
          "account_born()", "floor_set()", "lot_entered()", "lot_guard()", "lot_pinned()"]
# every look here is by key: a plan made while the tables were empty must not scan them when they are full
PLANNED = ["post", "post_many", "hold", *(name[:-2] for name in GUARDS[:4])]
RIGHTS = "\n".join(
    f"ALTER FUNCTION ledger_{name} SECURITY DEFINER SET search_path = public, pg_temp;" for name in GUARDS
) + "\n".join(
    f"ALTER FUNCTION ledger_{name} SET {setting};" for name in PLANNED
    for setting in ("enable_seqscan = off", "enable_hashjoin = off", "enable_mergejoin = off",
                    "plan_cache_mode = force_generic_plan"))
UNDO = """
DROP TRIGGER ledger_posted_at_once ON ledger_posting;
DROP FUNCTION ledger_posted_at_once, ledger_post, ledger_post_many, ledger_hold;
""" + "\n".join(
    f"ALTER FUNCTION ledger_{name} SECURITY INVOKER RESET ALL;" for name in GUARDS if name != "posted_at_once()")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_guards")]
    operations = [migrations.RunSQL(FUNCTIONS + RIGHTS, UNDO)]
