-- Values that look like a business's, each a pure function of (row, salt, seed): equal seeds give equal data.
-- They live in pg_temp and go with the session. All but noise() are inlined by the planner, which makes them a hundred
-- times faster: that needs one expression without FROM, and immutable parts only (no concat_ws, no timestamptz + interval).
CREATE FUNCTION pg_temp.h(i bigint, salt bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS
$$ SELECT hashint8extended(i, :seed::bigint * 1000 + salt) & 9223372036854775807 $$;

CREATE FUNCTION pg_temp.n(i bigint, salt bigint, below bigint) RETURNS integer IMMUTABLE LANGUAGE sql AS
$$ SELECT (pg_temp.h(i, salt) % below)::integer $$;

-- 0 ≤ value < below, most of them small: the recent rows are those that change.
CREATE FUNCTION pg_temp.skewed(i bigint, salt bigint, below bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS
$$ SELECT floor(power(pg_temp.n(i, salt, 1000000) / 1000000.0::float8, 3) * below)::bigint $$;

CREATE FUNCTION pg_temp.uuid(i bigint, salt bigint) RETURNS uuid IMMUTABLE LANGUAGE sql AS
$$ SELECT md5(pg_temp.h(i, salt)::text || i::text)::uuid $$;

CREATE FUNCTION pg_temp.rows(per_unit float8) RETURNS integer IMMUTABLE LANGUAGE sql AS
$$ SELECT greatest(1, round(per_unit * :scale::float8))::integer $$;

-- Row i of n, spread over the year that ends on 31 October 2026, to the second.
CREATE FUNCTION pg_temp.moment(i bigint, n bigint) RETURNS timestamptz IMMUTABLE LANGUAGE sql AS
$$ SELECT to_timestamp(1761976800 + floor(i * 31449600.0::float8 / greatest(n, 1))) $$;

CREATE FUNCTION pg_temp.word(pick bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT (ARRAY[
  'invoice','delivery','agreed','customer','pending','because','within','thirty','days','approved',
  'renewal','clause','the','of','and','for','to','a','signed','warehouse',
  'Büro','façade','naïve','Straße','łatwy','crédit','été','señor','reminder','second',
  'transfer','quarterly','estimate','supplier','please','confirm','before','Friday','noon','meeting',
  'amount','due','partial','refund','shipment','damaged','replaced','order','number','reference',
  'updated','address','contact','called','back','waiting','legal','department','review','draft',
  'version','final','maintenance','support'])[1 + (pick & 63)] $$;

CREATE FUNCTION pg_temp.four_words(pick bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT pg_temp.word(pick) || ' ' || pg_temp.word(pick >> 6) || ' ' || pg_temp.word(pick >> 12) || ' ' || pg_temp.word(pick >> 18) $$;

CREATE FUNCTION pg_temp.sentence(i bigint, salt bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT pg_temp.four_words(pg_temp.h(i, salt)) || ' ' || pg_temp.four_words(pg_temp.h(i, salt) >> 24) || ' '
     || (pg_temp.h(i, salt) % 9973)::text || '.' $$;

CREATE FUNCTION pg_temp.paragraph(i bigint, salt bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT pg_temp.sentence(i, salt) || ' ' || pg_temp.sentence(i, salt + 100) || ' '
     || pg_temp.sentence(i, salt + 200) || ' ' || pg_temp.sentence(i, salt + 300) $$;

CREATE FUNCTION pg_temp.first_name(pick bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT (ARRAY['Amélie','Bartosz','Chloé','Dieter','Elena','François','Grażyna','Hugo','Inès','Jürgen','Kasia',
  'Léa','Małgorzata','Noé','Ottilie','Piotr','Quentin','Rosa','Søren','Tomáš','Ursula','Viktor','Wanda','Xavier',
  'Yasmine','Zofia','Anna','Paul','Marie','Jan','Sofia','Luca'])[1 + (pick & 31)] $$;

CREATE FUNCTION pg_temp.last_name(pick bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT (ARRAY['Moreau','Nowak','Müller','Dupont','García','Rossi','Kowalski','Schmidt','Lefèvre','Wójcik','Weber',
  'Bernard','Zieliński','Fischer','Girard','Novák','Hansen','O''Brien','de la Tour','Lambert','Becker','Fontaine',
  'Szymański','Roux','Wagner','Mercier','Dąbrowski','Hoffmann','Blanc','Krüger','Petit','Conti'])[1 + (pick & 31)] $$;

CREATE FUNCTION pg_temp.person(i bigint, salt bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT pg_temp.first_name(pg_temp.h(i, salt)) || ' ' || pg_temp.last_name(pg_temp.h(i, salt) >> 7) $$;

CREATE FUNCTION pg_temp.slug(i bigint, salt bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT regexp_replace(lower(pg_temp.word(pg_temp.h(i, salt)) || '.' || pg_temp.word(pg_temp.h(i, salt) >> 9)), '[^a-z.]', '', 'g') $$;

CREATE FUNCTION pg_temp.city(pick bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT (ARRAY['Lyon','Łódź','Köln','Paris','Kraków','Nürnberg','Marseille','Gdańsk','Saint-Étienne','Berlin','Milano',
  'Málaga','Praha','Aarhus','Gent','Liège'])[1 + (pick & 15)] $$;

CREATE FUNCTION pg_temp.company(i bigint, salt bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT pg_temp.last_name(pg_temp.h(i, salt)) || ' & ' || pg_temp.last_name(pg_temp.h(i, salt) >> 5)
     || (ARRAY[' SARL',' GmbH',' Sp. z o.o.',' SAS',' S.r.l.',' Ltd'])[1 + pg_temp.n(i, salt + 1, 6)] $$;

-- `kib` KiB that no compressor shrinks: photographs and PDFs.
CREATE FUNCTION pg_temp.noise(i bigint, salt bigint, kib integer) RETURNS bytea IMMUTABLE LANGUAGE sql AS
$$ SELECT string_agg(sha256(int8send(pg_temp.h(i * 65536 + part, salt))), NULL::bytea ORDER BY part)
   FROM generate_series(1, kib * 32) AS part $$;
