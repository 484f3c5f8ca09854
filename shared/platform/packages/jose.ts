// Tokens, receipts and chains: signing and verifying.

export { CompactSign, createLocalJWKSet, errors, importJWK, jwtVerify, SignJWT } from 'jose';
