
int INKSIGHT(predict)(const uint8_t image[PICTURE_BYTES], float probabilities[CLASSES])
{
    int best = 0;
$calls
    for (int i = 1; i < CLASSES; ++i) best = probabilities[i] > probabilities[best] ? i : best;
    return best;
}

int INKSIGHT(verdict)(const float probabilities[CLASSES])
{
    float largest = 0.0f, best = 0.0f, sum = 0.0f;
    for (int i = 0; i < CLASSES; ++i) {
        const float logarithm = logf(probabilities[i] > SMALLEST ? probabilities[i] : SMALLEST);
        best = i == 0 || logarithm > best ? logarithm : best;
        largest = probabilities[i] > largest ? probabilities[i] : largest;
        sum += logarithm;
    }
    if (best - (sum - best) / (float)(CLASSES > 1 ? CLASSES - 1 : 1) < INKSIGHT_REJECTED_BELOW) return INKSIGHT(rejected);
    return largest < INKSIGHT_UNSURE_BELOW ? INKSIGHT(unsure) : INKSIGHT(class);
}
