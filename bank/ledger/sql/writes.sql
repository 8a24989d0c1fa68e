-- The writes of the books as one statement each. What is refused is refused before anything is written, so
-- that no savepoint is needed. Locks in the order of pk, then the key, then the balance, then the rows.
-- Every look is by key, and plans made while the tables are empty must not scan them when they are full:
-- hence the settings of the functions.

CREATE FUNCTION ledger_post(
  p_public_id text, p_key text, p_mark text, p_reason text, p_cause text, p_at timestamptz, p_actor text,
  p_memo jsonb, p_hold bigint, p_reverses bigint, p_lots boolean, p_accounts bigint[], p_amounts bigint[],
  OUT journal bigint, OUT known boolean, OUT refusal text, OUT account bigint, OUT available bigint)
LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan AS $$
DECLARE short record; mark text; held_on bigint;
BEGIN
  known := false;
  IF p_hold IS NOT NULL THEN
    SELECT account_id INTO held_on FROM public.ledger_hold WHERE id = p_hold;
  END IF;
  -- materialized: as a subquery the condition would be asked of the rows of before the lock
  WITH a AS MATERIALIZED (
    SELECT c.id, c.posted - c.held - c.floor AS free, c.posted, c.ceiling, d.amount
      FROM (SELECT id, sum(amount)::bigint AS amount FROM unnest(p_accounts, p_amounts) AS u(id, amount) GROUP BY id) d
      JOIN public.ledger_account c ON c.id = d.id
     WHERE c.counted ORDER BY c.id FOR NO KEY UPDATE OF c)
  SELECT CASE WHEN a.amount < 0 THEN 'insufficient' ELSE 'above_ceiling' END AS code, a.id,
         CASE WHEN a.amount < 0 THEN greatest(0, a.free) ELSE a.ceiling - a.posted END AS available INTO short FROM a
   WHERE (a.amount < 0 AND a.id IS DISTINCT FROM held_on AND a.free < -a.amount)
      OR (a.amount > 0 AND a.posted + a.amount > a.ceiling) LIMIT 1;
  IF short.code IS NULL THEN
    WITH j AS (
      INSERT INTO public.ledger_journal
          (public_id, key, fingerprint, reason, cause, at, actor, memo, hold_id, reverses_id, with_lots)
        VALUES (p_public_id, p_key, p_mark, p_reason, p_cause, p_at, p_actor, p_memo, p_hold, p_reverses, p_lots)
        ON CONFLICT DO NOTHING RETURNING id), p AS (
      INSERT INTO public.ledger_posting (journal_id, account_id, amount)
        SELECT j.id, u.id, u.amount FROM j, unnest(p_accounts, p_amounts) WITH ORDINALITY AS u(id, amount, n) ORDER BY u.n)
    SELECT id INTO journal FROM j;
    IF journal IS NOT NULL THEN
      RETURN;
    END IF;
  END IF;
  -- the key before the balance: a repetition must not be refused for what its first run has spent
  SELECT j.id, j.fingerprint INTO journal, mark FROM public.ledger_journal j WHERE j.key = p_key;
  IF journal IS NOT NULL THEN
    known := true;
    refusal := CASE WHEN mark <> p_mark THEN 'idempotency_conflict' END;
  ELSIF p_reverses IS NOT NULL AND EXISTS (SELECT 1 FROM public.ledger_journal j WHERE j.reverses_id = p_reverses) THEN
    refusal := 'already_reversed';
  ELSIF short.code IS NULL THEN
    RAISE EXCEPTION 'ledger: journal % was not written: its name is taken', p_public_id USING ERRCODE = 'unique_violation';
  ELSE
    refusal := short.code; account := short.id; available := short.available;
  END IF;
END $$;

-- a batch at once, or false (and nothing written) where its entries must be looked at one by one:
-- a key is taken, or somewhere on the way an account would be short
CREATE FUNCTION ledger_post_many(
  p_public_ids text[], p_keys text[], p_marks text[], p_reasons text[], p_causes text[], p_memos text[],
  p_at timestamptz, p_entries int[], p_accounts bigint[], p_amounts bigint[], OUT done boolean, OUT ids bigint[])
LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  done := false;
  PERFORM 1 FROM public.ledger_account WHERE id = ANY (p_accounts) AND counted ORDER BY id FOR NO KEY UPDATE;
  IF EXISTS (SELECT 1 FROM public.ledger_journal WHERE key = ANY (p_keys)) OR EXISTS (
    SELECT 1 FROM (
      SELECT l.id, min(l.sofar) AS lowest, max(l.sofar) AS highest FROM (
        SELECT u.id, sum(u.amount) OVER (PARTITION BY u.id ORDER BY u.entry) AS sofar
          FROM unnest(p_entries, p_accounts, p_amounts) AS u(entry, id, amount)) l
       GROUP BY l.id) d
      JOIN public.ledger_account a ON a.id = d.id
     WHERE (d.lowest < 0 AND a.posted - a.held + d.lowest < a.floor)
        OR (d.highest > 0 AND a.posted + d.highest > a.ceiling)) THEN
    RETURN;
  END IF;
  -- ids are drawn before the insert: the close of a day must not seal a range that they still fall into
  LOCK TABLE public.ledger_journal IN ROW EXCLUSIVE MODE;
  SELECT array_agg(nextval(pg_get_serial_sequence('public.ledger_journal', 'id'))) INTO ids
    FROM generate_series(1, cardinality(p_keys));
  WITH j AS (
    INSERT INTO public.ledger_journal (id, public_id, key, fingerprint, reason, cause, at, actor, memo)
      SELECT u.id, u.public_id, u.key, u.mark, u.reason, u.cause, p_at, '', u.memo::jsonb
        FROM unnest(ids, p_public_ids, p_keys, p_marks, p_reasons, p_causes, p_memos)
          AS u(id, public_id, key, mark, reason, cause, memo))
  INSERT INTO public.ledger_posting (journal_id, account_id, amount)
    SELECT ids[u.entry], u.id, u.amount FROM unnest(p_entries, p_accounts, p_amounts) AS u(entry, id, amount);
  done := true;
END $$;

CREATE FUNCTION ledger_hold(
  p_public_id text, p_key text, p_mark text, p_account bigint, p_amount bigint, p_cause text, p_at timestamptz,
  p_expires_at timestamptz, OUT hold bigint, OUT known boolean, OUT refusal text, OUT available bigint)
LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan AS $$
DECLARE mark text;
BEGIN
  known := false;
  SELECT posted - held - floor INTO available FROM public.ledger_account WHERE id = p_account FOR NO KEY UPDATE;
  SELECT h.id, h.fingerprint INTO hold, mark FROM public.ledger_hold h WHERE h.key = p_key;
  IF hold IS NULL THEN
    IF p_expires_at <= p_at THEN
      refusal := 'hold_expired';
      RETURN;
    END IF;
    IF available < p_amount THEN
      refusal := 'insufficient'; available := greatest(0, available);
      RETURN;
    END IF;
    INSERT INTO public.ledger_hold (public_id, key, fingerprint, account_id, amount, settled, released, state, cause,
                             created_at, expires_at, resolve_key)
      VALUES (p_public_id, p_key, p_mark, p_account, p_amount, 0, 0, 'open', p_cause, p_at, p_expires_at, '')
      ON CONFLICT (key) DO NOTHING RETURNING id INTO hold;
    IF hold IS NOT NULL THEN
      RETURN;
    END IF;
    SELECT h.id, h.fingerprint INTO hold, mark FROM public.ledger_hold h WHERE h.key = p_key;
  END IF;
  known := true;
  refusal := CASE WHEN mark <> p_mark THEN 'idempotency_conflict' END;
END $$;

-- the last ids below which nothing is still being written: who writes holds ROW EXCLUSIVE from before an id is
-- drawn until the commit. New writers wait until the caller ends its transaction or undoes its savepoint.
CREATE FUNCTION ledger_finished(OUT journal bigint, OUT posting bigint, OUT lotentry bigint)
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '3s' AS $$
BEGIN
  LOCK TABLE public.ledger_journal IN SHARE MODE;
  SELECT coalesce(max(id), 0) INTO journal FROM public.ledger_journal;
  SELECT coalesce(max(id), 0) INTO posting FROM public.ledger_posting;
  SELECT coalesce(max(id), 0) INTO lotentry FROM public.ledger_lotentry;
END $$;
