-- One working day: :fraction of the rows new, about as many changed (recent ones first), a few gone. Triggers fire.
INSERT INTO invoices (uid, customer_id, status, issued_on, due_on, net_cents, tax_cents)
SELECT pg_temp.uuid(i, 201), 1 + pg_temp.skewed(i, 202, (SELECT max(id) FROM customers)), 'sent', '2026-11-02', '2026-12-02', pg_temp.n(i, 203, 5000000), 0
FROM generate_series((SELECT max(id) + 1 FROM invoices), (SELECT max(id) + pg_temp.share('invoices') FROM invoices)) AS i;

INSERT INTO invoice_lines (invoice_id, position, description, quantity, unit_cents)
SELECT id, position, pg_temp.sentence(id * 4 + position, 204), 1 + pg_temp.n(id, 205, 400) / 10.0, pg_temp.n(id * 4 + position, 206, 90000)
FROM invoices, generate_series(1, 4) AS position
WHERE id > (SELECT max(invoice_id) FROM invoice_lines) ORDER BY id, position;

INSERT INTO payments (customer_id, method, cents, received_at)
SELECT 1 + pg_temp.skewed(i, 207, (SELECT max(id) FROM customers)), 'sepa', pg_temp.n(i, 208, 500000), '2026-11-02 09:00+00'
FROM generate_series((SELECT max(id) + 1 FROM payments), (SELECT max(id) + pg_temp.share('payments') FROM payments)) AS i;

INSERT INTO events (happened_at, kind, user_id, payload)
SELECT timestamptz '2026-11-02 06:00+00' + make_interval(secs => i % 50000), 'page.view', 1 + pg_temp.n(i, 209, 60),
       jsonb_build_object('session', pg_temp.uuid(i / 7, 210), 'path', '/tasks/' || pg_temp.n(i, 211, 20000), 'ms', pg_temp.n(i, 212, 3000))
FROM generate_series((SELECT max(id) + 1 FROM events), (SELECT max(id) + pg_temp.share('events') FROM events)) AS i;

INSERT INTO audit.audit_log (actor, action, subject, subject_id, after)
SELECT 'user:' || i % 60, 'login', 'sessions', i, jsonb_build_object('request', pg_temp.uuid(i, 213), 'reason', pg_temp.sentence(i, 214))
FROM generate_series((SELECT max(id) + 1 FROM audit.audit_log), (SELECT max(id) + pg_temp.share('audit.audit_log') FROM audit.audit_log)) AS i;

INSERT INTO task_comments (task_id, author_id, body)
SELECT greatest(1, (SELECT max(id) FROM tasks) - pg_temp.skewed(i, 215, (SELECT max(id) FROM tasks))), 1 + pg_temp.n(i, 216, 60), pg_temp.paragraph(i, 217)
FROM generate_series((SELECT max(id) + 1 FROM task_comments), (SELECT max(id) + pg_temp.share('task_comments') FROM task_comments)) AS i;

INSERT INTO time_entries (task_id, user_id, during)
SELECT 1 + pg_temp.n(i, 218, (SELECT max(id) FROM tasks)), 1 + pg_temp.n(i, 219, 60), tstzrange('2026-11-02 08:00+00', '2026-11-02 10:00+00')
FROM generate_series((SELECT max(id) + 1 FROM time_entries), (SELECT max(id) + pg_temp.share('time_entries') FROM time_entries)) AS i;

INSERT INTO attachments (id, file_name, media_type, content)
SELECT pg_temp.uuid((SELECT count(*) FROM attachments) + i, 220), 'scan ' || i || '.pdf', 'application/pdf', pg_temp.noise((SELECT max(id) FROM events) + i, 221, 8)
FROM generate_series(1, pg_temp.share('attachments')) AS i;

UPDATE invoices SET status = CASE status WHEN 'sent' THEN 'paid' ELSE 'overdue' END::invoice_status, memo = 'seen ' || id
WHERE id IN (SELECT m.top - pg_temp.skewed(i + m.top, 230, m.top) FROM (SELECT max(id) AS top FROM invoices) AS m, generate_series(1, pg_temp.share('invoices')) AS i);

UPDATE tasks SET state = 'done', description = pg_temp.paragraph(id + (SELECT max(id) FROM events), 231)
WHERE id IN (SELECT m.top - pg_temp.skewed(i + m.top, 232, m.top) FROM (SELECT max(id) AS top FROM tasks) AS m, generate_series(1, pg_temp.share('tasks')) AS i);

UPDATE contracts SET terms = jsonb_set(terms, '{sla,hours}', to_jsonb(pg_temp.n(id + (SELECT max(id) FROM events), 233, 48)))
WHERE id IN (SELECT m.top - pg_temp.skewed(i + m.top, 234, m.top) FROM (SELECT max(id) AS top FROM contracts) AS m, generate_series(1, pg_temp.share('contracts')) AS i);

UPDATE customers SET credit_limit_cents = credit_limit_cents + 100
WHERE id IN (SELECT m.top - pg_temp.skewed(i + e.top, 235, m.top)
             FROM (SELECT max(id) AS top FROM customers) AS m, (SELECT max(id) AS top FROM events) AS e, generate_series(1, pg_temp.share('customers')) AS i);

DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE read_at IS NOT NULL ORDER BY id LIMIT pg_temp.share('notifications'));
DELETE FROM sessions WHERE id IN (SELECT id FROM sessions ORDER BY started_at LIMIT pg_temp.share('sessions'));
REFRESH MATERIALIZED VIEW reporting.revenue_by_month;
