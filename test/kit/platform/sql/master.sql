-- gmah_master: who the organisations are, what they pay for, who may log in where.
CREATE EXTENSION IF NOT EXISTS citext;

CREATE TYPE organisation_status AS ENUM ('trial', 'active', 'suspended', 'closed');

CREATE TABLE plans (
  code text PRIMARY KEY,
  name text NOT NULL,
  monthly_cents integer NOT NULL CHECK (monthly_cents >= 0),
  limits jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE organisations (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  slug text NOT NULL UNIQUE,
  database_name text NOT NULL UNIQUE CHECK (octet_length(database_name) <= 63),
  status organisation_status NOT NULL DEFAULT 'trial',
  plan text NOT NULL REFERENCES plans (code),
  region text NOT NULL DEFAULT 'fsn1',
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
  id uuid PRIMARY KEY,
  email citext NOT NULL UNIQUE,
  display_name text NOT NULL,
  password_hash text NOT NULL,
  locale text NOT NULL DEFAULT 'fr-FR',
  last_login_at timestamptz
);

CREATE TABLE memberships (
  organisation_id uuid NOT NULL REFERENCES organisations ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  role text NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
  PRIMARY KEY (organisation_id, user_id)
);

CREATE TABLE subscriptions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organisation_id uuid NOT NULL REFERENCES organisations,
  plan text NOT NULL REFERENCES plans (code),
  period daterange NOT NULL,
  price_cents integer NOT NULL
);

CREATE TABLE feature_flags (
  organisation_id uuid REFERENCES organisations ON DELETE CASCADE,
  flag text NOT NULL,
  enabled boolean NOT NULL DEFAULT false,
  UNIQUE (organisation_id, flag)
);

CREATE VIEW living_organisations WITH (security_barrier) AS
  SELECT id, name, slug, database_name FROM organisations WHERE status IN ('trial', 'active');

COMMENT ON TABLE organisations IS 'one row a tenant; its data is in the database named here';
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO gmah_app;
GRANT SELECT ON organisations, plans, living_organisations TO gmah_readonly;

INSERT INTO plans VALUES
  ('solo', 'Solo', 1900, '{"users": 1, "storageGb": 5}'),
  ('team', 'Équipe', 7900, '{"users": 15, "storageGb": 100}'),
  ('enterprise', 'Enterprise', 49000, '{"users": null, "storageGb": 2000, "sso": true}');
