-- Projects, audit log, events over twelve partitions, mail, attachments, large objects.
INSERT INTO projects (id, customer_id, name, budget, settings)
SELECT i, 1 + pg_temp.n(i, 70, pg_temp.rows(40)), pg_temp.sentence(i, 71), pg_temp.n(i, 72, 900000)::numeric::money,
       jsonb_build_object('board', ARRAY['todo', 'doing', 'done'], 'key', left(md5(i::text), 4))
FROM generate_series(1, pg_temp.rows(8)) AS i;

INSERT INTO tasks (id, project_id, parent_id, assignee_id, title, description, state, estimate, labels, updated_at)
SELECT i, 1 + pg_temp.n(i, 73, pg_temp.rows(8)), CASE WHEN i % 5 = 0 THEN i / 5 END, CASE WHEN i % 6 > 0 THEN 1 + pg_temp.n(i, 74, 60) END,
       pg_temp.sentence(i, 75), CASE WHEN i % 3 > 0 THEN pg_temp.paragraph(i, 76) END, (ARRAY['open', 'done', 'done'])[1 + i % 3],
       make_interval(mins => 15 * pg_temp.n(i, 77, 64)), ARRAY[pg_temp.word(pg_temp.h(i, 78)), 'q"uo,ted', NULL], pg_temp.moment(i, pg_temp.rows(120))
FROM generate_series(1, pg_temp.rows(120)) AS i;

INSERT INTO task_comments (id, task_id, author_id, body, created_at)
SELECT i, 1 + pg_temp.n(i, 79, pg_temp.rows(120)), 1 + pg_temp.n(i, 80, 60), pg_temp.paragraph(i, 81), pg_temp.moment(i, pg_temp.rows(200))
FROM generate_series(1, pg_temp.rows(200)) AS i;

INSERT INTO time_entries (id, task_id, user_id, during, billable, remark)
SELECT i, 1 + pg_temp.n(i, 82, pg_temp.rows(120)), 1 + pg_temp.n(i, 83, 60),
       tstzrange(moment, moment + make_interval(mins => 5 + pg_temp.n(i, 84, 240))), i % 4 > 0, CASE WHEN i % 2 = 0 THEN pg_temp.sentence(i, 85) END
FROM (SELECT i, pg_temp.moment(i, pg_temp.rows(400)) AS moment FROM generate_series(1, pg_temp.rows(400)) AS i) AS one;

INSERT INTO audit.audit_log (at, actor, action, subject, subject_id, before, after)
SELECT pg_temp.moment(i, pg_temp.rows(500)), 'user:' || 1 + pg_temp.n(i, 86, 60), (ARRAY['insert', 'update', 'update', 'login'])[1 + i % 4],
       (ARRAY['invoices', 'contracts', 'sessions'])[1 + i % 3], pg_temp.n(i, 87, 100000),
       CASE WHEN i % 4 IN (1, 2) THEN jsonb_build_object('status', 'draft', 'net', pg_temp.n(i, 88, 999999)) END,
       jsonb_build_object('request', pg_temp.uuid(i, 89), 'status', 'sent', 'net', pg_temp.n(i, 90, 999999), 'ip', '192.0.2.' || i % 256,
                          'reason', pg_temp.sentence(i, 91))
FROM generate_series(1, pg_temp.rows(500)) AS i;

INSERT INTO events (id, happened_at, kind, user_id, payload)
SELECT i, pg_temp.moment(i, pg_temp.rows(800)), (ARRAY['page.view', 'invoice.open', 'search', 'export'])[1 + pg_temp.n(i, 92, 4)],
       CASE WHEN i % 10 > 0 THEN 1 + pg_temp.n(i, 93, 60) END,
       jsonb_build_object('session', pg_temp.uuid(i / 7, 94), 'path', '/invoices/' || pg_temp.n(i, 95, 20000), 'ms', pg_temp.n(i, 96, 3000))
FROM generate_series(1, pg_temp.rows(800)) AS i;

INSERT INTO webhooks (url, secret, kinds)
SELECT 'https://hooks.example.test/' || i, md5(pg_temp.h(i, 97)::text), ARRAY['invoice.paid', 'contract.signed'] FROM generate_series(1, 5) AS i;

INSERT INTO webhook_deliveries (id, webhook_id, request, status, took, attempted_at)
SELECT i, 1 + i % 5, jsonb_build_object('id', pg_temp.uuid(i, 98), 'kind', 'invoice.paid', 'total', pg_temp.n(i, 99, 900000), 'memo', pg_temp.sentence(i, 100)),
       (ARRAY[200, 200, 200, 204, 503, NULL])[1 + i % 6], make_interval(secs => pg_temp.n(i, 101, 5000) / 1000.0), pg_temp.moment(i, pg_temp.rows(150))
FROM generate_series(1, pg_temp.rows(150)) AS i;

INSERT INTO email_messages (id, sender, recipients, subject, body, headers, sent_at)
SELECT i, 'billing@example.test', ARRAY['contact' || i || '@example.test', 'archive@example.test']::email_address[], pg_temp.sentence(i, 102),
       concat_ws(E'\r\n\r\n', pg_temp.paragraph(i, 103), pg_temp.paragraph(i, 104), '<b>' || pg_temp.paragraph(i, 105) || '</b>'),
       jsonb_build_object('Message-ID', '<' || pg_temp.uuid(i, 106) || '@example.test>'), pg_temp.moment(i, pg_temp.rows(60))
FROM generate_series(1, pg_temp.rows(60)) AS i;

INSERT INTO outbox (topic, message, queued_at)
SELECT 'mail', json_build_object('to', i, 'template', 'reminder'), pg_temp.moment(i, 20) FROM generate_series(1, 20) AS i;

INSERT INTO attachments (id, task_id, file_name, media_type, content, uploaded_at)
SELECT pg_temp.uuid(i, 107), 1 + pg_temp.n(i, 108, pg_temp.rows(120)), 'Übersicht ' || i || '.pdf', 'application/pdf',
       pg_temp.noise(i, 109, 2 + pg_temp.n(i, 110, 14)), pg_temp.moment(i, pg_temp.rows(6))
FROM generate_series(1, pg_temp.rows(6)) AS i;

INSERT INTO documents (id, owner_id, title, storage_key, scan, metadata)
SELECT i, 1 + pg_temp.n(i, 111, 60), CASE WHEN i % 9 = 0 THEN 'confidential: ' ELSE '' END || pg_temp.sentence(i, 112), 'documents/' || pg_temp.uuid(i, 113),
       CASE WHEN i <= 3 + pg_temp.rows(0.3) THEN lo_from_bytea(7000000 + i, pg_temp.noise(i, 114, 24)) END,
       xmlparse(content '<doc n="' || i || '"><title>' || pg_temp.word(pg_temp.h(i, 115)) || '</title></doc>')
FROM generate_series(1, 3 + pg_temp.rows(10)) AS i;
COMMENT ON LARGE OBJECT 7000001 IS 'a scanned contract';
GRANT SELECT ON LARGE OBJECT 7000001 TO gmah_readonly;

INSERT INTO settings (key, value, updated_at) VALUES
  ('company', '{"name": "Exemple & Söhne", "vat": null}', '2026-01-01'), ('numbers', '[1, 2.50, 1e20, -0.0]', '2026-01-01'), ('logo', 'null', '2026-01-01');
INSERT INTO rate_limits SELECT 'ip:' || i, i, pg_temp.moment(i, 30) FROM generate_series(1, 30) AS i;
INSERT INTO "Legacy Imports"."Kunden ""alt"" (50%/…)"
SELECT i, pg_temp.last_name(pg_temp.h(i, 116)) || ', ' || pg_temp.first_name(pg_temp.h(i, 117)), NULL, '\x00ff5c0a'
FROM generate_series(1, 40) AS i;

DO $$
DECLARE
  one record;
BEGIN -- rows came with their ids: move each identity's sequence past them
  FOR one IN
    SELECT c.table_name AS name, pg_get_serial_sequence(quote_ident(c.table_name), 'id') AS sequence
    FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.column_name = 'id' AND c.identity_generation = 'BY DEFAULT'
    ORDER BY 1
  LOOP
    EXECUTE format('SELECT setval(%L, (SELECT max(id) FROM %I))', one.sequence, one.name);
  END LOOP;
END
$$;
