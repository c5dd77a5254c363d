
#ifdef INKSIGHT_MAIN
#include <stdio.h>

/* Answers a file of raw pictures that lie one behind the other: a line each, with the verdict, the number of the class
   and the probability of every class. */
int main(int count, char **arguments)
{
    static const char *const verdicts[] = {"class", "unsure", "rejected"};
    static uint8_t image[PICTURE_BYTES];
    static float probabilities[CLASSES];
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    size_t got;
    if (file == NULL) {
        fprintf(stderr, "give one file of raw pictures, %d bytes each\n", PICTURE_BYTES);
        return 2;
    }
    while ((got = fread(image, 1, PICTURE_BYTES, file)) == PICTURE_BYTES) {
        const int best = INKSIGHT(predict)(image, probabilities);
        printf("%s %d", verdicts[INKSIGHT(verdict)(probabilities)], best);
        for (int i = 0; i < CLASSES; ++i) printf(" %.9g", (double)probabilities[i]);
        putchar('\n');
    }
    fclose(file);
    if (got != 0) fprintf(stderr, "the last picture has %d bytes; %d were wanted\n", (int)got, PICTURE_BYTES);
    return got == 0 ? 0 : 1;
}
#endif
