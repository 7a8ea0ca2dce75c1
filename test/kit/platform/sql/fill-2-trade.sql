-- Products, stock, invoices with four lines each, payments, contracts with their versions.
INSERT INTO tax_rates VALUES ('standard', 20, '[2014-01-01,)'), ('reduced', 5.5, '[2014-01-01,)'), ('zero', 0, '(,)');

INSERT INTO products (id, sku, name, description, attributes, weight_kg, volume_l)
SELECT i, 'SKU-' || lpad(i::text, 7, '0'), pg_temp.sentence(i, 30), CASE WHEN i % 4 > 0 THEN pg_temp.paragraph(i, 31) END,
       jsonb_build_object('ean', pg_temp.h(i, 32)::text, 'sizes', jsonb_build_array('S', 'M', 'L'), 'eco', i % 5 = 0),
       pg_temp.n(i, 33, 90000) / 1000.0, pg_temp.n(i, 34, 90000) / 7.0
FROM generate_series(1, pg_temp.rows(20)) AS i;

INSERT INTO product_prices
SELECT i, daterange(date '2025-01-01' + 365 * year, date '2025-01-01' + 365 * (year + 1)), 100 + pg_temp.n(i * 2 + year, 35, 100000)
FROM generate_series(1, pg_temp.rows(20)) AS i, generate_series(0, 1) AS year;

INSERT INTO warehouses (name, opens, closes) VALUES ('Lyon', '06:00', '22:00'), ('Łódź', '07:30', '18:00'), ('Köln', NULL, NULL);

INSERT INTO stock_moves (product_id, warehouse_id, quantity, reason, moved_at)
SELECT 1 + pg_temp.n(i, 36, pg_temp.rows(20)), 1 + i % 3, (pg_temp.n(i, 37, 2000) - 1000.5) / 4, nullif(pg_temp.word(pg_temp.h(i, 38)), 'a'),
       pg_temp.moment(i, pg_temp.rows(300))
FROM generate_series(1, pg_temp.rows(300)) AS i;

INSERT INTO invoices (id, uid, customer_id, status, currency, issued_on, due_on, net_cents, tax_cents, memo, updated_at)
SELECT i, pg_temp.uuid(i, 40), 1 + pg_temp.n(i, 41, pg_temp.rows(40)),
       CASE WHEN i < pg_temp.rows(180) THEN (ARRAY['paid', 'paid', 'paid', 'cancelled', 'overdue']::invoice_status[])[1 + i % 5] ELSE 'sent' END,
       CASE WHEN i % 7 = 0 THEN 'PLN' ELSE 'EUR' END, moment::date, moment::date + 30,
       pg_temp.n(i, 42, 5000000), pg_temp.n(i, 42, 5000000) / 5, CASE WHEN i % 3 = 0 THEN pg_temp.sentence(i, 43) END, moment
FROM (SELECT i, pg_temp.moment(i, pg_temp.rows(200)) AS moment FROM generate_series(1, pg_temp.rows(200)) AS i) AS one;

INSERT INTO invoice_lines (invoice_id, position, product_id, description, quantity, unit_cents, tax_code)
SELECT 1 + (i - 1) / 4, 1 + (i - 1) % 4, CASE WHEN i % 11 > 0 THEN 1 + pg_temp.n(i, 44, pg_temp.rows(20)) END,
       pg_temp.sentence(i, 45), 1 + pg_temp.n(i, 46, 4000) / 100.0, pg_temp.n(i, 47, 90000),
       (ARRAY['standard', 'standard', 'standard', 'reduced'])[1 + i % 4]
FROM generate_series(1, pg_temp.rows(200) * 4) AS i;

INSERT INTO payments (id, customer_id, method, cents, bank_reference, received_at)
SELECT i, 1 + pg_temp.n(i, 41, pg_temp.rows(40)), (ARRAY['sepa', 'card', 'transfer'])[1 + i % 3], pg_temp.n(i, 42, 5000000),
       upper(left(md5(pg_temp.h(i, 48)::text), 18)), pg_temp.moment(i, pg_temp.rows(150))
FROM generate_series(1, pg_temp.rows(150)) AS i;

INSERT INTO payment_allocations SELECT id, id, cents FROM payments ORDER BY id;

INSERT INTO dunning_letters (invoice_id, step, sent_on, body)
SELECT i * 10, 1 + i % 3, pg_temp.moment(i, pg_temp.rows(20))::date, pg_temp.paragraph(i, 49)
FROM generate_series(1, pg_temp.rows(200) / 10) AS i;

INSERT INTO contracts (id, uid, customer_id, status, period, terms, reminders, updated_at)
SELECT i, pg_temp.uuid(i, 50), 1 + pg_temp.n(i, 51, pg_temp.rows(40)),
       (ARRAY['signed', 'signed', 'draft', 'negotiation', 'terminated']::contract_status[])[1 + i % 5],
       daterange(moment::date, CASE WHEN i % 4 > 0 THEN moment::date + 365 END),
       jsonb_build_object(
         'sla', jsonb_build_object('hours', pg_temp.n(i, 52, 48), 'penalty', pg_temp.n(i, 53, 1000) / 10.0),
         'sites', jsonb_build_array(pg_temp.city(pg_temp.h(i, 54)), pg_temp.city(pg_temp.h(i, 55))),
         'clauses', jsonb_build_array(pg_temp.paragraph(i, 56), pg_temp.paragraph(i, 57)),
         'reference', pg_temp.uuid(i, 58), 'nullable', NULL, 'autoRenew', i % 2 = 0),
       ARRAY[moment::date + 300, moment::date + 335], moment
FROM (SELECT i, pg_temp.moment(i, pg_temp.rows(20)) AS moment FROM generate_series(1, pg_temp.rows(20)) AS i) AS one;

INSERT INTO contract_versions (contract_id, version, terms, body, saved_at)
SELECT id, version, terms || jsonb_build_object('version', version),
       repeat(pg_temp.paragraph(id * 2 + version, 59) || E'\n', 2), updated_at - make_interval(days => version)
FROM contracts, generate_series(1, 2) AS version ORDER BY id, version;

INSERT INTO contract_parties
SELECT 1 + (i - 1) % pg_temp.rows(20), i, (ARRAY['signatory', 'witness', 'copy'])[1 + i % 3],
       CASE WHEN i % 4 > 0 THEN pg_temp.moment(i, pg_temp.rows(40)) END
FROM generate_series(1, least(pg_temp.rows(40), pg_temp.rows(60))) AS i;

INSERT INTO contract_milestones (id, contract_id, title, due_on, share)
SELECT i, 1 + (i - 1) % pg_temp.rows(20), pg_temp.sentence(i, 60), date '2026-01-01' + pg_temp.n(i, 61, 700), pg_temp.n(i, 62, 100)
FROM generate_series(1, pg_temp.rows(60)) AS i;
