// Kafka's client.

export { CompressionTypes, Kafka, logLevel } from 'kafkajs';
