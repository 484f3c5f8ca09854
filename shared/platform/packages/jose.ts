// Signs and verifies tokens, receipts and chains.

export { CompactSign, createLocalJWKSet, errors, importJWK, jwtVerify, SignJWT } from 'jose';
