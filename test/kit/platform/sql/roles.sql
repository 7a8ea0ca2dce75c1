-- Roles of the platform, once a cluster. Safe to run again.
-- gmah_app's password is "gmah-app-demo"; the verifier is fixed so that two clusters have equal globals.
DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT * FROM (VALUES
      ('gmah_owner',    'NOLOGIN'),
      ('gmah_app',      'LOGIN CONNECTION LIMIT 100'),
      ('gmah_readonly', 'NOLOGIN'),
      ('gmah_support',  'LOGIN'),
      ('gmah_backup',   'LOGIN BYPASSRLS'),
      ('Gmah "Auditor"', 'NOLOGIN')
    ) AS roles (name, attributes)
  LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
      EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.attributes);
    END IF;
  END LOOP;
END
$$;

ALTER ROLE gmah_app PASSWORD :'appVerifier';
ALTER ROLE gmah_support SET statement_timeout = '30s';
ALTER ROLE gmah_backup SET lo_compat_privileges = on;
ALTER ROLE gmah_app SET idle_in_transaction_session_timeout = '5min';

GRANT gmah_readonly TO gmah_support;
GRANT gmah_readonly TO "Gmah ""Auditor""" WITH ADMIN OPTION;
GRANT pg_read_all_data TO gmah_backup;

COMMENT ON ROLE gmah_app IS 'the web application';
COMMENT ON ROLE "Gmah ""Auditor""" IS 'yearly audit; a name that needs quoting';
