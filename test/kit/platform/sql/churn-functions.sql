-- How many rows of a table one day touches: :fraction of what it holds, at least one.
CREATE FUNCTION pg_temp.share(name regclass) RETURNS integer STABLE LANGUAGE plpgsql AS $$
DECLARE
  held bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM %s', name) INTO held;
  RETURN greatest(1, ceil(held * :fraction))::integer;
END
$$;
