// PostgreSQL's driver.

import pg from 'pg';

export const { Client, Pool } = pg;
