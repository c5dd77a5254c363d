/* Answers one picture, as the network takes it, of raw bytes on standard input: cc -O2 client.c $file -lm */
#define INKSIGHT_HEADER
#include "$file"
#include <stdio.h>

int main(void)
{
    static uint8_t image[inksight_size_px * inksight_size_px * inksight_channels];
    static const char *const words[] = {"", "perhaps ", "none of the classes; nearest is "}; /* by verdict */
    float probabilities[inksight_num_classes];
    int best;

    if (fread(image, 1, sizeof image, stdin) != sizeof image) return 1; /* or take it from your camera */
    best = inksight_predict(image, probabilities);
    printf("%s%s\n", words[inksight_verdict(probabilities)], inksight_labels[best]);
    return 0;
}
