// PM2: one daemon in fork mode. `pm2 start ecosystem.config.cjs && pm2 save`, then `pm2 startup systemd -u USER --hp HOME`.
module.exports = {
  apps: [
    {
      name: 'gmah-backup',
      script: 'dist/src/main.js',
      cwd: __dirname,
      // By default V8 lets 16 MiB of short-lived objects and the buffers they hold gather three times over: 60 MB more at the peak.
      node_args: ['--max-semi-space-size=2'],
      exec_mode: 'fork',
      instances: 1,
      // Started means: the configuration is good, the journal is open, HTTP answers.
      wait_ready: true,
      listen_timeout: 30_000,
      // SIGINT first; SIGKILL only after the drain budget (daemon.drain, 25 s) and the last call of 10 s.
      kill_timeout: 45_000,
      // PM2 would signal pg_dump itself, and make an orderly stop look like a failed dump.
      treekill: false,
      // Above what the daemon is allowed to use at any size of database: only a leak gets here.
      max_memory_restart: '700M',
      exp_backoff_restart_delay: 1_000,
      // A refused configuration does not get better by trying again. PM2 then shows "waiting restart", and does not.
      stop_exit_codes: [2],
      // dump.pm2 is readable by everyone on the machine: variables whose names contain these never get into it.
      filter_env: [
        'PASSWORD',
        'PASSWD',
        'PGPASS',
        'SECRET',
        'TOKEN',
        'CREDENTIAL',
        '_KEY',
        'KEY_',
        'DATABASE_URL',
        'IDENTITY',
      ],
      env: {
        NODE_ENV: 'production',
        // glibc keeps an arena a thread otherwise, and gives little back.
        MALLOC_ARENA_MAX: '2',
      },
      merge_logs: true,
    },
  ],
}
