-- After the rows: keys, indexes, functions, triggers, views, row-level security, grants, comments.
ALTER TABLE teams ADD FOREIGN KEY (lead_id) REFERENCES users ON DELETE SET NULL;
ALTER TABLE team_members ADD FOREIGN KEY (team_id) REFERENCES teams ON DELETE CASCADE, ADD FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE sessions ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
ALTER TABLE api_keys ADD FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE notifications ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
ALTER TABLE customer_contacts ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE customer_addresses ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE customer_tags ADD FOREIGN KEY (customer_id) REFERENCES customers, ADD FOREIGN KEY (tag_id) REFERENCES tags;
ALTER TABLE notes ADD FOREIGN KEY (customer_id) REFERENCES customers, ADD FOREIGN KEY (author_id) REFERENCES users;
ALTER TABLE product_prices ADD FOREIGN KEY (product_id) REFERENCES products;
ALTER TABLE stock_moves ADD FOREIGN KEY (product_id) REFERENCES products, ADD FOREIGN KEY (warehouse_id) REFERENCES warehouses;
ALTER TABLE invoices ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE invoice_lines ADD FOREIGN KEY (invoice_id) REFERENCES invoices ON DELETE CASCADE,
  ADD FOREIGN KEY (product_id) REFERENCES products, ADD FOREIGN KEY (tax_code) REFERENCES tax_rates;
ALTER TABLE payments ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE payment_allocations ADD FOREIGN KEY (payment_id) REFERENCES payments,
  ADD FOREIGN KEY (invoice_id) REFERENCES invoices DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE dunning_letters ADD FOREIGN KEY (invoice_id) REFERENCES invoices;
ALTER TABLE contracts ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE contract_versions ADD FOREIGN KEY (contract_id) REFERENCES contracts;
ALTER TABLE contract_parties ADD FOREIGN KEY (contract_id) REFERENCES contracts, ADD FOREIGN KEY (contact_id) REFERENCES customer_contacts;
ALTER TABLE contract_milestones ADD FOREIGN KEY (contract_id) REFERENCES contracts;
ALTER TABLE projects ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE tasks ADD FOREIGN KEY (project_id) REFERENCES projects, ADD FOREIGN KEY (parent_id) REFERENCES tasks;
ALTER TABLE task_comments ADD FOREIGN KEY (task_id) REFERENCES tasks;
ALTER TABLE time_entries ADD FOREIGN KEY (task_id) REFERENCES tasks, ADD FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE webhook_deliveries ADD FOREIGN KEY (webhook_id) REFERENCES webhooks;
ALTER TABLE attachments ADD FOREIGN KEY (task_id) REFERENCES tasks NOT VALID;
ALTER TABLE documents ADD FOREIGN KEY (owner_id) REFERENCES users;

CREATE INDEX invoices_open ON invoices (due_on) WHERE status IN ('sent', 'overdue');
CREATE INDEX invoices_by_customer ON invoices (customer_id, issued_on DESC) INCLUDE (status);
CREATE INDEX customers_lower_name ON customers (lower(name));
CREATE INDEX customers_search ON customers USING gin (search);
CREATE INDEX notes_trigram ON notes USING gin (body gin_trgm_ops);
CREATE INDEX contracts_terms ON contracts USING gin (terms jsonb_path_ops);
CREATE INDEX events_by_kind ON events (kind, happened_at);
CREATE INDEX audit_by_time ON audit.audit_log USING brin (at);
CREATE INDEX time_entries_during ON time_entries USING gist (during);
CREATE STATISTICS invoice_dates (dependencies) ON issued_on, due_on FROM invoices;
ALTER TABLE customers ALTER COLUMN name SET STATISTICS 500;
ALTER TABLE invoices CLUSTER ON invoices_by_customer;

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

CREATE FUNCTION audit.record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = audit, pg_temp AS $$
BEGIN
  INSERT INTO audit.audit_log (action, subject, subject_id, before, after)
  VALUES (lower(TG_OP), TG_TABLE_NAME, coalesce(NEW.id, OLD.id)::text, to_jsonb(OLD), to_jsonb(NEW));
  RETURN NULL;
END
$$;

CREATE FUNCTION customer_balance(customer integer) RETURNS bigint STABLE LANGUAGE sql AS $$
  SELECT coalesce(sum(total_cents), 0)::bigint FROM public.invoices
  WHERE customer_id = customer AND status IN ('sent', 'overdue')
$$;

CREATE FUNCTION initials(name text) RETURNS text IMMUTABLE STRICT PARALLEL SAFE
  LANGUAGE sql RETURN upper(left(name, 1) || left(split_part(name, ' ', 2), 1));

CREATE PROCEDURE close_month(month date) LANGUAGE plpgsql AS $$
BEGIN
  UPDATE invoices SET status = 'overdue' WHERE status = 'sent' AND due_on < month;
  COMMIT;
END
$$;

CREATE AGGREGATE concat_lines (text) (SFUNC = textcat, STYPE = text, INITCOND = '');

CREATE TRIGGER touch BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER touch BEFORE UPDATE ON invoices FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.memo IS DISTINCT FROM NEW.memo) EXECUTE FUNCTION touch();
CREATE TRIGGER touch BEFORE UPDATE ON contracts FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER touch BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON invoices FOR EACH ROW EXECUTE FUNCTION audit.record();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON contracts FOR EACH ROW EXECUTE FUNCTION audit.record();
CREATE TRIGGER audit AFTER DELETE ON customers FOR EACH ROW EXECUTE FUNCTION audit.record();
ALTER TABLE customers DISABLE TRIGGER audit;

CREATE VIEW open_invoices WITH (security_barrier) AS
  SELECT i.id, i.number, c.name AS customer, i.total_cents, i.due_on FROM invoices i JOIN customers c ON c.id = i.customer_id
  WHERE i.status IN ('sent', 'overdue');
CREATE VIEW reporting.overdue AS SELECT * FROM public.open_invoices WHERE due_on < date '2026-10-31';
CREATE MATERIALIZED VIEW reporting.revenue_by_month AS
  SELECT date_trunc('month', issued_on)::date AS month, currency, sum(total_cents) AS cents, count(*) AS invoices
  FROM invoices WHERE status <> 'cancelled' GROUP BY 1, 2;
CREATE UNIQUE INDEX ON reporting.revenue_by_month (month, currency);
CREATE RULE no_deletes AS ON DELETE TO settings DO INSTEAD NOTHING;

ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_or_public ON notes TO gmah_app
  USING (NOT private OR author_id = current_setting('gmah.user_id', true)::integer);
CREATE POLICY own ON documents TO gmah_app USING (owner_id = current_setting('gmah.user_id', true)::integer) WITH CHECK (true);
CREATE POLICY readers ON documents AS RESTRICTIVE FOR SELECT TO gmah_readonly USING (title NOT LIKE 'confidential%');
CREATE POLICY own ON api_keys USING (user_id = current_setting('gmah.user_id', true)::integer);

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public, reporting TO gmah_app, gmah_readonly;
GRANT USAGE ON SCHEMA audit TO "Gmah ""Auditor""";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO gmah_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO gmah_app;
GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO gmah_readonly;
GRANT SELECT (id, name, created_at), UPDATE (name) ON customers TO gmah_support;
GRANT SELECT ON audit.audit_log TO "Gmah ""Auditor""" WITH GRANT OPTION;
REVOKE EXECUTE ON FUNCTION customer_balance(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION customer_balance(integer) TO gmah_app;
GRANT USAGE ON TYPE invoice_status TO gmah_readonly;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO gmah_readonly;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO gmah_app;

COMMENT ON SCHEMA audit IS 'who did what; append-only';
COMMENT ON TABLE invoices IS E'one row an invoice\nnumbers never have holes';
COMMENT ON COLUMN invoices.total_cents IS 'net + tax, in cents of "currency"';
COMMENT ON FUNCTION customer_balance(integer) IS 'open amount, in cents';
COMMENT ON TRIGGER audit ON invoices IS 'law: every change of an invoice is recorded';
COMMENT ON TABLE "Legacy Imports"."Kunden ""alt"" (50%/…)" IS 'kept as it came';
