-- People and customers. Reference tables have a fixed size, the others grow with :scale (about 1 MB of dump a unit).
INSERT INTO users (id, uid, email, full_name, preferences, roles, created_at, disabled_at)
SELECT i, pg_temp.uuid(i, 1), pg_temp.slug(i, 2) || i || '@example.test', pg_temp.person(i, 2),
       jsonb_build_object('theme', (ARRAY['dark', 'light'])[1 + i % 2], 'columns', jsonb_build_array('number', 'due', i % 7)),
       CASE WHEN i = 1 THEN '{owner,admin}'::text[] WHEN i % 9 = 0 THEN '{admin,member}' ELSE '{member}' END,
       pg_temp.moment(i, 60), CASE WHEN i % 17 = 0 THEN pg_temp.moment(i + 20, 100) END
FROM generate_series(1, 60) AS i;

INSERT INTO teams (name, lead_id) SELECT 'Team ' || i, 1 + pg_temp.n(i, 3, 60) FROM generate_series(1, 8) AS i;

INSERT INTO team_members
SELECT 1 + i % 8, i, pg_temp.moment(i, 60)::date FROM generate_series(1, 60) AS i;

INSERT INTO sessions
SELECT pg_temp.uuid(i, 4), 1 + pg_temp.n(i, 5, 60), ('10.' || i % 256 || '.' || pg_temp.n(i, 6, 256) || '.7')::inet,
       CASE WHEN i % 5 > 0 THEN 'Mozilla/5.0 (X11; Linux x86_64; rv:' || 90 + i % 40 || '.0) Gecko/20100101' END,
       pg_temp.moment(i, pg_temp.rows(60)), pg_temp.moment(i, pg_temp.rows(60)) + interval '12 hours'
FROM generate_series(1, pg_temp.rows(60)) AS i;

INSERT INTO api_keys (user_id, digest, scopes, valid)
SELECT 1 + pg_temp.n(i, 7, 60), sha256(int8send(pg_temp.h(i, 8))), ARRAY['read', 'invoices:write'],
       tstzrange(pg_temp.moment(i, 12), CASE WHEN i % 3 = 0 THEN pg_temp.moment(i + 6, 12) END)
FROM generate_series(1, 12) AS i;

INSERT INTO notifications (user_id, level, body, read_at, created_at)
SELECT 1 + pg_temp.n(i, 9, 60), (ARRAY['debug', 'info', 'info', 'warning', 'error']::severity[])[1 + i % 5],
       pg_temp.sentence(i, 10), CASE WHEN i % 4 > 0 THEN pg_temp.moment(i + 1, pg_temp.rows(150)) END,
       pg_temp.moment(i, pg_temp.rows(150))
FROM generate_series(1, pg_temp.rows(150)) AS i;

INSERT INTO customers (id, uid, name, vat_number, address, credit_limit_cents, discount, created_at, updated_at)
SELECT i, pg_temp.uuid(i, 11), pg_temp.company(i, 12),
       CASE WHEN i % 6 > 0 THEN 'FR' || lpad(pg_temp.n(i, 13, 1000000000)::text, 11, '0') END,
       ROW(1 + pg_temp.n(i, 14, 180) || ' rue ' || pg_temp.last_name(pg_temp.h(i, 15)), lpad(pg_temp.n(i, 16, 99999)::text, 5, '0'),
           pg_temp.city(pg_temp.h(i, 17)), (ARRAY['FR', 'DE', 'PL', 'BE'])[1 + i % 4])::postal_address,
       pg_temp.n(i, 18, 100) * 10000, pg_temp.n(i, 19, 4000) / 100.0,
       pg_temp.moment(i, pg_temp.rows(40)), pg_temp.moment(i, pg_temp.rows(40))
FROM generate_series(1, pg_temp.rows(40)) AS i;

INSERT INTO customer_contacts (id, customer_id, name, email, phone, birthday)
SELECT i, 1 + (i - 1) % pg_temp.rows(40), pg_temp.person(i, 20), 'contact' || i || '@' || pg_temp.slug(i, 21) || '.test',
       CASE WHEN i % 3 > 0 THEN '+33 ' || pg_temp.n(i, 22, 1000000000) END, date '1950-01-01' + pg_temp.n(i, 23, 18000)
FROM generate_series(1, pg_temp.rows(60)) AS i;

INSERT INTO customer_addresses
SELECT id, kind, address, point(pg_temp.n(id, 24, 180000) / 1000.0, pg_temp.n(id, 25, 90000) / 1000.0)
FROM customers, unnest(ARRAY['billing', 'delivery']) AS kind WHERE id % 3 > 0 OR kind = 'billing' ORDER BY id, kind;

INSERT INTO tags (label, colour)
SELECT label, '#' || left(md5(label), 6) FROM unnest(ARRAY['VIP', 'late payer', 'école', 'public sector', 'à rappeler', '100%']) AS label;

INSERT INTO customer_tags SELECT id, 1 + pg_temp.n(id, 26, 6) FROM customers WHERE id % 2 = 0 ORDER BY id;

-- What COPY must escape, in every tenant: tab, newline, return, backslash, its own end marker, an empty string.
INSERT INTO notes (customer_id, author_id, body, created_at)
SELECT 1, 1, body, '2025-11-01' FROM unnest(ARRAY[E'tab\there', E'two\nlines', E'return\rhere', '\', '\.', E'\n\\.\n', '', '\N', '😀 €']) AS body;

INSERT INTO notes (customer_id, author_id, private, body, created_at)
SELECT 1 + pg_temp.n(i, 27, pg_temp.rows(40)), 1 + pg_temp.n(i, 28, 60), i % 8 = 0,
       pg_temp.paragraph(i, 29), pg_temp.moment(i, pg_temp.rows(80))
FROM generate_series(1, pg_temp.rows(80)) AS i;
