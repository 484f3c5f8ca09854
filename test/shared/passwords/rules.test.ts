import { expect, test } from '@jest/globals';
import { weaknessOf } from '../../../shared/passwords/rules.ts';

const NAMES = ['siti.rahayu', 'siti.rahayu@example.com', '+6281234567890'];

test.each([
  'password123',
  'Password123',
  'BISMILLAH123',
  'indonesia1945',
  '1q2w3e4r5t',
  'aaaaaaaaaa',
  'ababababab',
  '1231231231',
  '0123456789',
  '9876543210',
  'qwertyuiop',
  'poiuytrewq',
  'siti.rahayu',
  'SITI.RAHAYU@EXAMPLE.COM',
  '+6281234567890',
  ' password123 ',
])('%p is refused', (password) => {
  expect(weaknessOf(password, NAMES)).toBeDefined();
});

test.each([
  'kuda putih di tepi danau',
  'correct horse battery staple',
  'only lower case',
  '7291640385',
  'siti.rahayu menabung',
  'パスワードではないよほんと',
  'aaaaaaaaaa but not only',
])('%p is good enough', (password) => {
  expect(weaknessOf(password, NAMES)).toBeUndefined();
});
