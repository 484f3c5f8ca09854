// Examples with known results: the ones published by Midtrans (SNAP-3 to SNAP-5) and those computed with a throw-away key of
// which only the public half is kept (SNAP-1, SNAP-6; RSA signatures of this kind have one possible value, so verifying is comparing).

export const THROW_AWAY_PUBLIC_KEY = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAnfX2ORW4ERbPfW2CAECB
NkFe2aZQAF8hrOTFk6iS4gS1iuQVFygGwIsW04s9UoHZaF6SMYLlBtCfKncZ1Ya+
2bPNdQh7OFHo6pFCsp+kMy1JXrWbAs9dPI48h8LZcEf7K+nqgB7FiyAa3Zm1O0fa
zPCwgghf+OzH3tuZfAG7TPAQ/gk8vPO0SZ7BFX5jwGi+9p7VGeBwa4jIXhg9tLn/
5EAd2VX22kbvk1oGCGaboqClWXX5Kl0jMnWz4bpt3EYri3/V+xZzz/j07tZ1mdPR
LZ28LC+SwwZR8Rzq2VmE0QimP74GsWvOo3qiA7YvGyfNFBitmU8EmnPEVwaX1+BM
xwIDAQAB
-----END PUBLIC KEY-----`;

export const MIDTRANS_DEMO_PUBLIC_KEY = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlWbtlh3eM+bW3n5AFj42
wddC4L7tQqbLiCFbTv8K67yng9iwK5mEn+UMXiRhvB2JVWFafCPPxFamsiVG3Mjn
eGjC0BYgmpmw4qXnAnyO3nCdCuPtmZ3ljhKvSTPdWZxrcLi1Xa9V/+Pzb8hrjb5i
wMn6SZFNeMmZYgFKiSeueo6TPln2PoTqXCzs1HtsM8eUVe8GAsjJe/3dYl992nyX
OpG21GgNu8o5T3WOptPg6GdDTWkTWUu483yRbVVy04Pz4L8DDZTDv+WcsAViDn1r
A/jB1Auj/UGKx2ovGcBH/a/hor5TbABbODU6cPTHT54K3sSZtvZNV4eFDB1f/4wd
fwIDAQAB
-----END PUBLIC KEY-----`;

export const PAYMENT_BODY =
  '{"partnerReferenceNo":"ORD-2026-000001","merchantId":"M0001","validUpTo":"2026-01-15T10:45:00+07:00","urlParam":[{"url":"https://shop.example/return","type":"PAY_RETURN","isDeeplink":"N"}],"payOptionDetails":[{"payMethod":"GOPAY","payOption":"GOPAY_WALLET","transAmount":{"value":"150000.00","currency":"IDR"}}],"additionalInfo":{}}';

export const QR_BODY =
  '{"partnerReferenceNo":"2020102900000000000001","amount":{"value":"12345678.00","currency":"IDR"},"feeAmount":{"value":"12345678.00","currency":"IDR"},"merchantId":"00007100010926","terminalId":"213141251124","validityPeriod":"2009-07-03T12:08:56-07:00"}';

export const NOTIFICATION_BODY =
  '{"originalPartnerReferenceNo":"GP24043015193402809","originalReferenceNo":"A120240430081940S9vu8gSjaRID","merchantId":"G099333790","amount":{"value":"102800.00","currency":"IDR"},"latestTransactionStatus":"00","transactionStatusDesc":"SUCCESS","additionalInfo":{"refundHistory":[]}}';

/** SNAP-1: a token request of DEMO-CLIENT-01. */
export const TOKEN_SIGNATURE =
  'jhjoXIUO84dTB5KdLqaYjMefie2zGgB5tQn53JPI8vdDJSwrRE087DWH9eHqXc2xNEVjHpIKcM8nREA6cDsgevmWNi2zb9xyhntYyU1oJbxwcQ8CtJxh0bghgJuc2Tia/3asS/tVc423K72W5KOCWXcOYii2H5XmJsGwcracu6tDrFOcahdAw+tsvRVwyDEs1PRuU38rVVD3qwKIHmNxFCOwKdQGdUGKnvjw0XB/SFaCNWwufZFfU4HXNelQnXrSlSfipzSe0ishe4En0RFIO+K+8BhCxrmw89Vapawb2qK0Onko5K95vNk9LdTvx1lG79+iCqjFtZQ2rG77N8imsQ==';

/** SNAP-2: a payment. */
export const PAYMENT_SIGNATURE =
  'CcolSElAJcHPjjcqpRa2qvZgb+5JcQFG8+HVLKfr/41zr441qhjvVmou0w14FKx5hJ0uY1ZicncvtLBPz7umsg==';

/** SNAP-2b: a GET without a body. */
export const AUTH_CODE_SIGNATURE =
  'Xx0v+95l/bGG3fipqrh4TcuPk/7t2xX4u1LLYXLBGyOjdj+4crivofqqkUkEBHVB5YUygCkAZLvn1dngNF8SkA==';

/** SNAP-3: the QR example. */
export const QR_SIGNATURE = 'wmzT7yjg1SxxCsxNsFgCR9SYXiZGGbceF6fV8xe97sAMHxZ+7OEBMIBmvb6Sj6GcksGp3iv77DiomgSbcST3XQ==';

/** SNAP-4: the token request of G1234325-SNAP. */
export const DEMO_TOKEN_SIGNATURE =
  'WzW49tYIgKIBmBi/gVBHGLAkhEaZlXM11zcZxAiyHji6TLPjPbwLu3Z45it25AIeG0XDItcdTSkds47zFEMh6IP0PXPIP1+Ey4RmX/o2fuYRF/xBHvfvKnMmANMTS1axsXBSW3EHqYpbVrkCcqNnB3u+wu63us9WIhRZaWgxgQ2PJLaiVHIwgu9u7jxkWX7Bg4rerZH3RKdQfIJAAJsSN13efR7VdSAyzU7QaKjgislxrLqmesYNJkbD03XLjHdo6YWuzAVV7xdZRpLiGkIAkW7luXTBZYBO+4oENZAPQYzrLeN1qRY1Sr7BgLONCA2QA26BB6SYW4R7qofS9+RyOQ==';

/** SNAP-5: the notification of 2024-05-02. */
export const DEMO_NOTIFICATION_SIGNATURE =
  'RoJnP2tH/YiOhHM/lMVBMSAuzRmS8VrWdIy04Qqyb56daV7oWFMFoMMzqnjQ+q0MIUalYgU094GWQnCx2c29xb1kkqHhv2+iJ9xl6NjGmFGYqyvcKvUDAV83Y1Mw9JnsEcjcupdGw9/MRv/mm2GMrQ+BCZGfc4a46JDyPZbcY294vDGqs5rFBN6iYer5ro4cAQGo9hET2G82Y+j50vCyO/79GFE4vB1rvtu6PK2Bxi+vTYV8k7P7PS8tOPWM2O+kjiVWjwvLR99Botou+a8sxlQqZaihfWMKcByzV+Lgkr9cptpjys+1NIRWT1ad/sJBSLHyldzC3q2oRn5z5oZmyg==';

/** SNAP-6: the same body, signed on 2026-01-15 with the throw-away key. */
export const NOTIFICATION_SIGNATURE =
  'JSzeQFEf7ctB+gkAfLQwHlRv2v89GZJ7iKiZwxuD6mGUdAZPqZ2tadKxG1kLlGTIajGYCNtkUedMRvaZOpJWXT+aYInKjvxiYb9dlU3FCdRtulPDQoS1htDSFw87iaBoHVjITbF17GfsyMfNfpA/SUjuTesO+FhTGpq3xd1Qvrv1XAS2KYAbTWsESJrvOElUtOiKp8OxKpM9Q+QUN+bDFqTkFeOYkcdB0R9+kj40dgCKMKUAhch3HsKQIY8GyhkNVLt0HHDzJsqPHatSfdsEl2mgxoRX/6LdJkHCsZMPm5tz37eyOgVKmC1WpoEKM6S+RBd7K/2Sb+caLl5OcitB5A==';
