/** The name of a partition in log lines, metrics and health answers: `coupon-assign/2`. */
export function topicPartitionOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
