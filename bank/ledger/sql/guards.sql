-- What PostgreSQL keeps true whatever the code does. Installed whole after every `migrate` (install.py).
--
-- ledger_journaled       a journal and its postings come in one statement
-- ledger_posted          no posting comes later; all of them are of accounts that are there: zero sum per asset,
--                        listed routes, a reversal is the exact mirror; they move balances, collect for accounts
--                        without floor, and settle holds
-- ledger_whole           once per journal that says it moves lots, at commit: they account for every such posting
-- ledger_held            holds keep what is held
-- ledger_written_once    journals, postings, lot entries and closes of days are never changed or deleted
-- ledger_…_guard, _born, _fixed   what else may change, and from where
--
-- Functions that write balances run with the owner's rights, so that the runtime role needs none.
-- Tables are named with their schema: a temporary table cannot stand in for one of ours.

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'ledger: % of % is refused: it is written once', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON public.ledger_journal
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON public.ledger_posting
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON public.ledger_lotentry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON public.ledger_dayclose
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON public.ledger_checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_never_deleted BEFORE DELETE OR TRUNCATE ON public.ledger_account
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_never_deleted BEFORE DELETE OR TRUNCATE ON public.ledger_hold
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_never_deleted BEFORE DELETE OR TRUNCATE ON public.ledger_lot
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_never_deleted BEFORE DELETE OR TRUNCATE ON public.ledger_lotpin
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- accounts: born empty and as the chart says
CREATE FUNCTION ledger_account_born() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE k public.ledger_kind;
BEGIN
  SELECT * INTO k FROM public.ledger_kind WHERE code = NEW.kind;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'ledger: no kind % in the chart', NEW.kind USING ERRCODE = 'check_violation';
  END IF;
  IF k.owned <> (NEW.owner_id IS NOT NULL) OR NOT starts_with(NEW.asset, k.assets)
     OR NEW.posted <> 0 OR NEW.held <> 0 OR NEW.excess <> 0
     OR NEW.floor IS DISTINCT FROM (CASE WHEN k.floor_rule = 'none' THEN NULL ELSE 0 END)
     OR NEW.counted <> k.counted OR NEW.lots <> k.lots OR NEW.ceiling IS DISTINCT FROM k.ceiling THEN
    RAISE EXCEPTION 'ledger: an account % must be born empty and as the chart says', NEW.kind
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_account_born BEFORE INSERT ON public.ledger_account
  FOR EACH ROW EXECUTE FUNCTION ledger_account_born();

-- by columns and not by WHEN: a WHEN is read anew for every posting
CREATE FUNCTION ledger_account_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.* IS DISTINCT FROM NEW.* THEN
    RAISE EXCEPTION 'ledger: % of account % changes only through postings and holds', TG_ARGV[0], OLD.public_id
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_account_identity
  BEFORE UPDATE OF id, public_id, owner_id, kind, asset, ref, counted, lots, ceiling ON public.ledger_account
  FOR EACH ROW EXECUTE FUNCTION ledger_account_fixed('identity');
CREATE TRIGGER ledger_account_balance BEFORE UPDATE OF posted, held, excess ON public.ledger_account
  FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger_account_fixed('balance');

-- a floor may be set above what is drawn: that only stops drawing (excess remembers by how much)
CREATE FUNCTION ledger_floor_set() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.floor IS NOT DISTINCT FROM OLD.floor THEN
    RETURN NEW;
  END IF;
  IF NEW.floor IS NULL OR NEW.floor > 0 OR
     NOT EXISTS (SELECT 1 FROM public.ledger_kind WHERE code = NEW.kind AND floor_rule = 'limit') THEN
    RAISE EXCEPTION 'ledger: the floor of account % (%) is not to be set to %', OLD.public_id, OLD.kind, NEW.floor
      USING ERRCODE = 'check_violation';
  END IF;
  NEW.excess := greatest(0, NEW.floor - (NEW.posted - NEW.held));
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_floor_set BEFORE UPDATE OF floor ON public.ledger_account
  FOR EACH ROW EXECUTE FUNCTION ledger_floor_set();

-- postings
CREATE FUNCTION ledger_posted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan AS $$
DECLARE f record; wrong record;
BEGIN
  -- all postings of these journals are here, so what must be true of them is asked of all of them at once;
  -- an account or a journal is never deleted, so that it is there now stands for a foreign key
  SELECT (SELECT count(*) FROM fresh) AS lines, coalesce(sum(s.lines), 0) AS found,
         (SELECT count(*) FROM public.ledger_posting WHERE journal_id IN (SELECT journal_id FROM fresh)) AS theirs,
         min(j.public_id) AS one, bool_or(s.collects) AS collects, bool_or(s.lots AND NOT j.with_lots) AS unsaid,
         bool_or(j.hold_id IS NOT NULL) AS with_hold, bool_or(j.reverses_id IS NOT NULL) AS with_reversal,
         min(format('%s is unbalanced in %s', j.public_id, s.asset)) FILTER (WHERE s.total <> 0) AS unbalanced,
         min(format('%s takes a route that is not listed: %s > %s for %s', j.public_id, s.givers, s.takers, j.reason))
           FILTER (WHERE j.reverses_id IS NULL AND EXISTS (
             SELECT 1 FROM unnest(s.givers) AS g(kind) WHERE NOT s.takers <@ ARRAY(
               SELECT r.target FROM public.ledger_route r WHERE r.source = g.kind AND r.reason = j.reason))) AS unlisted
    INTO f
    FROM (SELECT n.journal_id, a.asset, sum(n.amount) AS total, count(*) AS lines, bool_or(NOT a.counted) AS collects,
                 bool_or(a.lots) AS lots,
                 array_agg(a.kind) FILTER (WHERE n.amount < 0) AS givers,
                 array_agg(a.kind) FILTER (WHERE n.amount > 0) AS takers
            FROM fresh n JOIN public.ledger_account a ON a.id = n.account_id GROUP BY n.journal_id, a.asset) s
    JOIN public.ledger_journal j ON j.id = s.journal_id;
  IF f.found <> f.lines THEN
    RAISE EXCEPTION 'ledger: a posting names a journal or an account that is not there'
      USING ERRCODE = 'foreign_key_violation';
  ELSIF f.theirs <> f.lines THEN
    RAISE EXCEPTION 'ledger: journal % is closed: its postings come in one statement with it', f.one
      USING ERRCODE = 'restrict_violation';
  ELSIF f.unsaid THEN
    RAISE EXCEPTION 'ledger: journal % does not say that it moves lots', f.one USING ERRCODE = 'check_violation';
  ELSIF f.unbalanced IS NOT NULL OR f.unlisted IS NOT NULL THEN
    RAISE EXCEPTION 'ledger: journal %', coalesce(f.unbalanced, f.unlisted) USING ERRCODE = 'check_violation';
  END IF;
  IF f.with_reversal THEN
    SELECT j.public_id INTO wrong
      FROM (SELECT DISTINCT journal_id FROM fresh) n JOIN public.ledger_journal j ON j.id = n.journal_id
     WHERE j.reverses_id IS NOT NULL AND (j.reason <> 'reversal' OR j.hold_id IS NOT NULL
       OR EXISTS (SELECT 1 FROM public.ledger_journal o WHERE o.id = j.reverses_id AND o.reverses_id IS NOT NULL)
       OR EXISTS (SELECT 1 FROM public.ledger_posting WHERE journal_id IN (j.id, j.reverses_id)
                   GROUP BY account_id HAVING sum(amount) <> 0)) LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'ledger: journal % does not mirror the one it reverses', wrong.public_id
        USING ERRCODE = 'check_violation';
    END IF;
  END IF;

  IF f.with_hold THEN
    SELECT j.public_id INTO wrong
      FROM (SELECT DISTINCT journal_id FROM fresh) n JOIN public.ledger_journal j ON j.id = n.journal_id
      JOIN public.ledger_hold h ON h.id = j.hold_id
     WHERE NOT EXISTS (SELECT 1 FROM public.ledger_posting p
                        WHERE p.journal_id = j.id AND p.account_id = h.account_id AND p.amount < 0) LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'ledger: journal % settles nothing of its hold', wrong.public_id USING ERRCODE = 'check_violation';
    END IF;
    -- posted and held move together: in two steps one of them would touch the floor
    UPDATE public.ledger_hold h SET settled = h.settled + d.amount,
        state = CASE WHEN h.settled + d.amount + h.released = h.amount THEN 'settled' ELSE h.state END,
        resolved_at = CASE WHEN h.settled + d.amount + h.released = h.amount THEN d.at ELSE h.resolved_at END
      FROM (SELECT j.hold_id, -sum(n.amount)::bigint AS amount, max(j.at) AS at
              FROM fresh n JOIN public.ledger_journal j ON j.id = n.journal_id
              JOIN public.ledger_hold o ON o.id = j.hold_id
             WHERE o.account_id = n.account_id GROUP BY j.hold_id) d
     WHERE h.id = d.hold_id;
    UPDATE public.ledger_account a SET posted = a.posted + d.amount, held = a.held - d.settled,
        excess = CASE WHEN a.excess = 0 THEN 0 ELSE
          greatest(0, least(a.excess, a.floor - (a.posted + d.amount - a.held + d.settled))) END
      FROM (SELECT n.account_id, sum(n.amount)::bigint AS amount,
                   coalesce(-sum(n.amount) FILTER (WHERE o.account_id = n.account_id), 0)::bigint AS settled
              FROM fresh n JOIN public.ledger_journal j ON j.id = n.journal_id
              LEFT JOIN public.ledger_hold o ON o.id = j.hold_id
             GROUP BY n.account_id) d
     WHERE a.id = d.account_id AND a.counted;
  ELSE
    UPDATE public.ledger_account a SET posted = a.posted + d.amount,
        excess = CASE WHEN a.excess = 0 THEN 0 ELSE
          greatest(0, least(a.excess, a.floor - (a.posted + d.amount - a.held))) END
      FROM (SELECT account_id, sum(amount)::bigint AS amount FROM fresh GROUP BY account_id) d
     WHERE a.id = d.account_id AND a.counted;
  END IF;
  IF f.collects THEN
    INSERT INTO public.ledger_uncounted (account_id, amount)
      SELECT n.account_id, sum(n.amount)::bigint
        FROM fresh n JOIN public.ledger_account a ON a.id = n.account_id
       WHERE NOT a.counted GROUP BY n.account_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_posted AFTER INSERT ON public.ledger_posting REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_posted();

-- a journal without postings would have been seen by nobody
CREATE FUNCTION ledger_journaled() RETURNS trigger LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan AS $$
DECLARE wrong record;
BEGIN
  SELECT n.public_id INTO wrong FROM born n
   WHERE NOT EXISTS (SELECT 1 FROM public.ledger_posting p WHERE p.journal_id = n.id) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger: journal % is empty: its postings come in one statement with it', wrong.public_id
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_journaled AFTER INSERT ON public.ledger_journal REFERENCING NEW TABLE AS born
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_journaled();

-- lots are written after the postings they are parts of
CREATE FUNCTION ledger_whole() RETURNS trigger LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  IF EXISTS (
       SELECT 1 FROM public.ledger_posting p JOIN public.ledger_account a ON a.id = p.account_id AND a.lots
        WHERE p.journal_id = NEW.id AND p.amount <> (
          SELECT coalesce(sum(e.amount), 0) FROM public.ledger_lotentry e WHERE e.posting_id = p.id)) THEN
    RAISE EXCEPTION 'ledger: the lots of journal % do not add up', NEW.public_id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_whole AFTER INSERT ON public.ledger_journal DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.with_lots) EXECUTE FUNCTION ledger_whole();

-- what floorless accounts collected: only postings add to it; taking rows away rolls them up
CREATE FUNCTION ledger_uncounted_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND pg_trigger_depth() > 1 THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'ledger: % of ledger_uncounted is refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_uncounted_guard BEFORE INSERT OR UPDATE OR TRUNCATE ON public.ledger_uncounted
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_uncounted_guard();
CREATE FUNCTION ledger_rolled_up() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE public.ledger_account a SET posted = a.posted + d.amount
    FROM (SELECT account_id, sum(amount)::bigint AS amount FROM gone GROUP BY account_id) d
   WHERE a.id = d.account_id;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_rolled_up AFTER DELETE ON public.ledger_uncounted REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_rolled_up();

-- holds: held of an account = what its open holds reserve
CREATE FUNCTION ledger_hold_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.settled <> 0 OR NEW.released <> 0 OR NEW.state <> 'open' THEN
      RAISE EXCEPTION 'ledger: a hold begins open' USING ERRCODE = 'check_violation';
    END IF;
  ELSIF (OLD.id, OLD.public_id, OLD.key, OLD.fingerprint, OLD.account_id, OLD.amount, OLD.cause, OLD.created_at)
      IS DISTINCT FROM
     (NEW.id, NEW.public_id, NEW.key, NEW.fingerprint, NEW.account_id, NEW.amount, NEW.cause, NEW.created_at)
     OR (OLD.settled <> NEW.settled AND pg_trigger_depth() = 1)
     OR NEW.settled < OLD.settled OR NEW.released < OLD.released
     OR (OLD.state <> 'open' AND (OLD.state, OLD.settled, OLD.released, OLD.resolved_at)
          IS DISTINCT FROM (NEW.state, NEW.settled, NEW.released, NEW.resolved_at)) THEN
    RAISE EXCEPTION 'ledger: hold % resolves once and only as it should', OLD.public_id
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_hold_guard BEFORE INSERT OR UPDATE ON public.ledger_hold
  FOR EACH ROW EXECUTE FUNCTION ledger_hold_guard();

-- AFTER, because an insert that ends in ON CONFLICT DO NOTHING still fires BEFORE triggers
CREATE FUNCTION ledger_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE delta bigint := CASE WHEN TG_OP = 'INSERT' THEN NEW.amount ELSE OLD.released - NEW.released END;
BEGIN
  IF delta <> 0 THEN
    UPDATE public.ledger_account SET held = held + delta,
        excess = CASE WHEN excess = 0 THEN 0 ELSE greatest(0, least(excess, floor - (posted - held - delta))) END
     WHERE id = NEW.account_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_held AFTER INSERT OR UPDATE ON public.ledger_hold
  FOR EACH ROW EXECUTE FUNCTION ledger_held();

-- lots: remaining = Σ entries, pinned = Σ pins
CREATE FUNCTION ledger_lot_entered() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM public.ledger_posting p JOIN public.ledger_lot l ON l.id = NEW.lot_id
      JOIN public.ledger_journal j ON j.id = p.journal_id
      WHERE p.id = NEW.posting_id AND p.account_id = l.account_id AND j.txid = pg_current_xact_id()
        AND sign(p.amount) = sign(NEW.amount)
        AND abs((SELECT sum(e.amount) FROM public.ledger_lotentry e WHERE e.posting_id = p.id)) <= abs(p.amount)) THEN
    RAISE EXCEPTION 'ledger: a lot entry is a part of a posting of its account and transaction'
      USING ERRCODE = 'check_violation';
  END IF;
  UPDATE public.ledger_lot SET remaining = remaining + NEW.amount WHERE id = NEW.lot_id;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_lot_entered AFTER INSERT ON public.ledger_lotentry
  FOR EACH ROW EXECUTE FUNCTION ledger_lot_entered();

CREATE FUNCTION ledger_lot_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.remaining <> 0 OR NEW.pinned <> 0 THEN
      RAISE EXCEPTION 'ledger: a lot is filled by its entries' USING ERRCODE = 'check_violation';
    END IF;
  ELSIF pg_trigger_depth() = 1 OR (OLD.id, OLD.public_id, OLD.account_id, OLD.origin, OLD.quantity, OLD.expires_at)
     IS DISTINCT FROM (NEW.id, NEW.public_id, NEW.account_id, NEW.origin, NEW.quantity, NEW.expires_at) THEN
    RAISE EXCEPTION 'ledger: lot % changes only through entries and pins', OLD.public_id
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_lot_guard BEFORE INSERT OR UPDATE ON public.ledger_lot
  FOR EACH ROW EXECUTE FUNCTION ledger_lot_guard();

CREATE FUNCTION ledger_lot_pinned() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (OLD.id, OLD.hold_id, OLD.lot_id) IS DISTINCT FROM (NEW.id, NEW.hold_id, NEW.lot_id) THEN
    RAISE EXCEPTION 'ledger: a pin stays on its lot' USING ERRCODE = 'restrict_violation';
  END IF;
  UPDATE public.ledger_lot
     SET pinned = pinned + NEW.amount - CASE WHEN TG_OP = 'UPDATE' THEN OLD.amount ELSE 0 END
   WHERE id = NEW.lot_id;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_lot_pinned AFTER INSERT OR UPDATE ON public.ledger_lotpin
  FOR EACH ROW EXECUTE FUNCTION ledger_lot_pinned();
