-- Users, memberships, subscriptions and flags for the organisations that are there.
INSERT INTO users
SELECT pg_temp.uuid(i, 1),
       pg_temp.slug(i, 2) || i || '@example.test',
       pg_temp.person(i, 2),
       '$argon2id$v=19$m=65536,t=3,p=4$' || md5(i::text) || '$' || md5(pg_temp.h(i, 3)::text),
       (ARRAY['fr-FR', 'de-DE', 'pl-PL', 'en-GB'])[1 + pg_temp.n(i, 4, 4)],
       pg_temp.moment(i, (SELECT count(*) * 25 FROM organisations))
FROM generate_series(1, (SELECT count(*) * 25 FROM organisations)) AS i;

INSERT INTO memberships
SELECT organisation.id, pg_temp.uuid(organisation.place * 25 - member, 1),
       CASE member WHEN 0 THEN 'owner' WHEN 1 THEN 'admin' ELSE 'member' END
FROM (SELECT id, row_number() OVER (ORDER BY database_name) AS place FROM organisations) AS organisation,
     generate_series(0, 24) AS member;

INSERT INTO subscriptions (organisation_id, plan, period, price_cents)
SELECT o.id, o.plan, daterange(o.created_at::date, NULL), p.monthly_cents
FROM organisations o JOIN plans p ON p.code = o.plan
ORDER BY o.database_name;

INSERT INTO feature_flags
SELECT id, flag, pg_temp.n(hashtext(slug), 5, 2) = 1
FROM organisations, unnest(ARRAY['e-invoicing', 'new-editor', 'sepa']) AS flag
ORDER BY database_name, flag;
